"""A record's own secrets: which fields hold them, and how what repeats them is masked.

Secrets go where an answer is decoded, before anything else sees the record.
"""

import base64
import binascii
import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

SECRET_KEYS: Final = frozenset(
    {"auth", "auths", "identitytoken", "password", "registrytoken", "secret", "token", "username"}
)
"""Keys, in lower case, that are dropped wherever they stand: those of the detail answer and of a Docker config."""

MASK: Final = "***"
_SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|secret|token|(api|access|account|private)_?-?key)$", re.IGNORECASE
)
"""Ends of other names that hold a secret, such as `secretAccessKey`."""
_USER_NAMES: Final = frozenset({"username", "user"})
_NAMELESS: Final = frozenset({"key", "user", "value"})
"""Keys that hold a secret where they stand in one."""
_FIXED: Final = frozenset({"provider", "region", "restrictions", "status", "type", "scope", "createdAt", "updatedAt"})
"""Keys whose values are never masked, at any depth: ECR's user name is `AWS`, and rules compare a status."""
_USER_INFO = re.compile(r"(?:^|//)([^\s/\\?#]+)@")
_TO_HOST = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?[/\\]*[^/\\?#]*")
"""An address up to the end of its host and port."""
_SHORTEST: Final = 6
"""Characters from which on a secret is masked amid a word, and a user name as a word."""
_SHORTEST_WORD: Final = 3
"""Characters from which on a shorter password is masked as a word."""


def is_secret(key: str, value: Any) -> bool:
    """Tell whether a field holds a secret by its name."""
    by_name = _by_name(key)
    return by_name is not None and (by_name or isinstance(value, str | list | dict))


@lru_cache(maxsize=4096)
def is_address(key: str) -> bool:
    """Tell whether a field holds an address by its name."""
    return key.lower().endswith("url")


@lru_cache(maxsize=4096)
def _by_name(key: str) -> bool | None:
    """Return None for a field that holds no secret, True for one that does, False for one whose text is one."""
    return True if key.lower() in SECRET_KEYS else False if _SECRET_NAME.search(key) else None


class Secrets:
    """What of one record must not show elsewhere in it."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._users: set[str] = set()

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._values or self._users)

    def add(self, key: str, value: Any) -> None:
        """Take the secrets in a field that is dropped; `key` is its name."""
        if isinstance(value, dict):
            for inner, item in value.items():
                self.add(inner, item)
        elif isinstance(value, list):
            for item in value:
                self.add(key, item)
        elif isinstance(value, str) and value and (is_secret(key, value) or key.lower() in _NAMELESS):
            if key.lower() in _USER_NAMES:
                self._users.add(value)
                return
            self._add_value(value)
            if key.lower() == "auth":
                self._add_pair(_decoded(value))

    def add_address(self, text: str) -> None:
        """Take the user names and passwords of the addresses in a text."""
        for found in _USER_INFO.finditer(text) if "@" in text else ():
            self._add_pair(unquote(found[1]))

    def _add_pair(self, pair: str) -> None:
        user, colon, password = pair.partition(":")
        if user:
            self._users.add(user)
        self._add_value(password)
        if colon:
            self._add_value(base64.b64encode(pair.encode()).decode())

    def _add_value(self, value: str) -> None:
        if len(value) >= _SHORTEST_WORD:
            self._values.add(value)

    def masked(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record whose free text repeats none of them."""
        values = [_spelled(each) if len(each) >= _SHORTEST else _word(each) for each in self._values]
        users = [_word(each) for each in self._users if len(each) >= _SHORTEST]
        masked: dict[str, Any] = _masked(record, _any_of(values), _any_of([*values, *users]))
        return masked


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    """Return a pattern of any of them, the longest first; without any, one that is nowhere."""
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)")


def _word(text: str) -> str:
    return rf"(?<!\w){_spelled(text)}(?!\w)"


def _spelled(text: str) -> str:
    """Return a pattern of a text as it is or percent-encoded, wholly or in part."""
    return "".join(f"(?:{re.escape(char)}|{_encoded(char)})" for char in text)


def _encoded(char: str) -> str:
    hexadecimal = "".join(f"%{byte:02x}" for byte in char.encode())
    return rf"\+|(?i:{hexadecimal})" if char == " " else f"(?i:{hexadecimal})"


def _decoded(auth: str) -> str:
    """Return the `user:password` of a Docker config's `auth`, or nothing where it is something else."""
    try:
        return base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _masked(value: Any, in_hosts: re.Pattern[str], elsewhere: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return elsewhere.sub(MASK, value)
    if isinstance(value, list):
        return [_masked(item, in_hosts, elsewhere) for item in value]
    if not isinstance(value, dict):
        return value
    masked = {}
    for key, item in value.items():
        if _is_fixed(key):
            masked[key] = item
        elif isinstance(item, str) and is_address(key) and (host := _TO_HOST.match(item)):
            # A user may be called as the registry is; without its host, rules could not judge the address.
            masked[key] = in_hosts.sub(MASK, host[0]) + elsewhere.sub(MASK, item[host.end() :])
        else:
            masked[key] = _masked(item, in_hosts, elsewhere)
    return masked


def _is_fixed(key: str) -> bool:
    return key in _FIXED or key == "id" or key.endswith(("Id", "At"))
