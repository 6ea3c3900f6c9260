"""Finds an answer's secrets, and masks them elsewhere in it.

Secret values are collected while an answer is decoded, and never leave this module.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

SECRET_KEYS: Final = frozenset(
    {"auth", "auths", "identitytoken", "password", "registrytoken", "secret", "token", "username"}
)
"""Keys, in lower case, that are dropped wherever they occur undeclared: those of registries and of a Docker config."""

MASK: Final = "***"
DEEPEST: Final = 100
"""The deepest nesting of maps and lists in a record that can be evaluated."""
_SECRET_NAME: Final = re.compile(
    r"(password|passwd|passphrase|secret|token|(api|access|account|private)_?-?key)$", re.IGNORECASE
)
"""Ends of other names that hold a secret, such as `secretAccessKey`."""
_USER_NAMES: Final = frozenset({"username", "user"})
_NAMELESS: Final = frozenset({"key", "user", "value"})
"""Keys that hold a secret inside a secret's map."""
_USER_INFO: Final = re.compile(r"(?:^|//)([^\s/\\?#]+)@")
_TO_HOST: Final = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?[/\\]*[^/\\?#]*")
"""An address up to the end of its host and port."""
_ASSIGNED: Final = re.compile(r"=\s*[\"']?([^\s\"',;]+)")
"""A value in a text of `NAME=value`."""
_SHORTEST: Final = 6
"""The minimum length at which a secret is masked inside a word, and a user name as a word."""
_SHORTEST_WORD: Final = 3
"""The minimum length at which a password is masked as a word."""
_LONG: Final = 12
"""The minimum length at which a secret is also masked in ids, regions and states: no coincidence."""
_COMMON: Final = frozenset(
    {"production", "development", "staging", "preview", "testing", "default", "enabled", "disabled", "localhost"}
)
"""Common values of variables that are not secret, and may be names of resources."""


def is_secret(key: str, value: Any) -> bool:
    """Return whether a field's name indicates a secret."""
    by_name = _by_name(key)
    return by_name is not None and (by_name or isinstance(value, str | list | dict))


@lru_cache(maxsize=4096)
def is_address(key: str) -> bool:
    """Return whether a field's name indicates an address."""
    return key.lower().endswith("url")


@lru_cache(maxsize=4096)
def _by_name(key: str) -> bool | None:
    """Return None for a field that holds no secret, True for one that does, False for one whose text is one."""
    return True if key.lower() in SECRET_KEYS else False if _SECRET_NAME.search(key) else None


class Secrets:
    """The secrets of one answer, which must not show elsewhere in it."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._users: set[str] = set()

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._values or self._users)

    def add(self, key: str, value: Any) -> None:
        """Collect the secrets in a field that is dropped; `key` is its name."""
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

    def take(self, value: Any, depth: int = 0) -> None:
        """Collect secrets by the names of fields and from the addresses in an answer.

        Raises RecursionError for nesting deeper than DEEPEST.
        """
        if isinstance(value, str):
            if "://" in value:
                self.add_address(value)
            return
        if depth > DEEPEST and isinstance(value, dict | list):
            raise RecursionError
        if isinstance(value, dict):
            self._take_fields(value, depth)
        elif isinstance(value, list):
            for item in value:
                self.take(item, depth + 1)

    def _take_fields(self, value: dict[str, Any], depth: int) -> None:
        for key, item in value.items():
            if isinstance(item, str):
                if _by_name(key) is not None:
                    self.add(key, item)
                elif "@" in item and ("://" in item or is_address(key)):
                    self.add_address(item)
            elif isinstance(item, dict) or isinstance(item, list):  # noqa: SIM101 - this is faster for numbers
                if _by_name(key) is not None:
                    self.add(key, item)
                else:
                    self.take(item, depth + 1)

    def add_at(self, value: Any, steps: Sequence[str], *, users: bool = False) -> None:
        """Collect every text at or below a path, as a secret or a user name.

        `*` stands for each key of a map; lists on the path are iterated.
        """
        if isinstance(value, list):
            for item in value:
                self.add_at(item, steps, users=users)
        elif isinstance(value, dict):
            step = steps[0] if steps else "*"
            for item in value.values() if step == "*" else [value[step]] if step in value else ():
                self.add_at(item, steps[1:], users=users)
        elif isinstance(value, str) and not steps:
            if users:
                self._users.add(value.strip())
            elif len(text := value.strip()) >= _SHORTEST:
                self._values.add(text)
                self._values.update(each for each in _ASSIGNED.findall(text) if len(each) >= _SHORTEST)
                if "://" in text:
                    self.add_address(text)
                    self._values.update(part for part in re.split(r"[/?&=#]", text) if len(part) >= _LONG)

    def add_address(self, text: str) -> None:
        """Collect the user names and passwords of the addresses in a text."""
        for match in _USER_INFO.finditer(text) if "@" in text else ():
            self._add_pair(unquote(match[1]))

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

    def mask(self, texts: Iterable[str]) -> "Mask | None":
        """Return a mask for these texts; None if there is nothing to mask."""
        raw = "\n".join(texts)
        plain = _plain(raw)
        values = {each for each in self._values - _COMMON if "%" in each or each in raw or _plain(each) in plain}
        users = {each for each in self._users if len(each) >= _SHORTEST and (each in raw or _plain(each) in plain)}
        if not (values or users):
            return None
        longest = len(raw)
        values = {each for each in values if len(each) <= longest}
        spelled = [_spelled(each) if len(each) >= _SHORTEST else _word(each) for each in values]
        return Mask(
            _any_of([_spelled(each) for each in values if len(each) >= _LONG]),
            _any_of(spelled),
            _any_of([*spelled, *map(_word, users)]),
        )


def _plain(text: str) -> str:
    """Return a percent-decoded text."""
    return unquote(text).replace("+", " ")


class Mask:
    """Masks the secrets of one answer in its other texts."""

    def __init__(self, anywhere: re.Pattern[str], in_hosts: re.Pattern[str], in_words: re.Pattern[str]) -> None:
        self._anywhere, self._in_hosts, self._in_words = anywhere, in_hosts, in_words

    def fixed(self, text: str) -> str:
        """Mask a text that rules compare or other resources refer to."""
        return self._anywhere.sub(MASK, text)

    def words(self, text: str) -> str:
        """Mask a text that users wrote."""
        return self._in_words.sub(MASK, text)

    def address(self, text: str) -> str:
        """Mask an address, except its host: a user may have the host's name, and rules need the host."""
        text = self._in_hosts.sub(MASK, text)
        host = _TO_HOST.match(text)
        end = host.end() if host else 0
        return text[:end] + self.words(text[end:])


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    """Return a pattern of any of them, the longest first; without any, one that never matches."""
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)")


def _word(text: str) -> str:
    return rf"(?<!\w){_spelled(text)}(?!\w)"


def _spelled(text: str) -> str:
    """Return a pattern of a text, plain or wholly or partly percent-encoded."""
    return "".join(f"(?:{re.escape(char)}|{_encoded(char)})" for char in text)


def _encoded(char: str) -> str:
    hexadecimal = "".join(f"%{byte:02x}" for byte in char.encode())
    return rf"\+|(?i:{hexadecimal})" if char == " " else f"(?i:{hexadecimal})"


def _decoded(auth: str) -> str:
    """Return the `user:password` of a Docker config's `auth`; empty if it is something else."""
    try:
        return base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
