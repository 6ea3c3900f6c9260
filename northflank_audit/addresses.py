"""Parses addresses by the WHATWG URL standard, as browsers do."""

import re
from functools import lru_cache
from typing import Final

import msgspec

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):(?=//)|(https?):", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"ftp": 21, "http": 80, "https": 443, "ws": 80, "wss": 443}
"""The standard's special schemes, in which a backslash is a slash, except `file`, which has no port."""
_SPECIAL: Final = frozenset({*_DEFAULT_PORTS, "file"})
_REMOVED: Final = str.maketrans("", "", "\t\r\n")
_MARK: Final = "[…]"
"""Replaces what was removed from an address that can't be parsed, so that it still can't be."""


class Address(msgspec.Struct, frozen=True):
    """The parts of an address."""

    scheme: str
    """In lower case, without the colon; empty if the address has none and was read as https."""
    host: str
    """In lower case, its international parts in IDNA's ASCII form; an IPv6 address in brackets."""
    port: int | None
    """From 0 to 65535; by default the scheme's; None if the scheme has no default."""
    path: str
    has_user: bool
    """Whether it has a user name or a password."""


@lru_cache(maxsize=4096)
def parsed(text: str) -> Address | None:
    """Return an address's parts; None for an invalid address.

    One with neither `scheme://` nor `http:` or `https:` in front is read as `https://` and the address.
    """
    import ada_url  # noqa: PLC0415 - it takes 26 ms, and few commands read addresses

    clean = _cleaned(text)
    given = _SCHEME.match(clean)
    try:
        url = ada_url.URL(clean if given else f"https://{clean}")
    except ValueError:
        return None
    scheme = url.protocol.removesuffix(":")
    return Address(
        scheme=scheme if given else "",
        host=url.hostname.lower(),
        port=int(url.port) if url.port else _DEFAULT_PORTS.get(scheme),
        path=url.pathname,
        has_user=bool(url.username or url.password),
    )


def without_user(text: str) -> str:
    """Return an address without its user name and password, otherwise unchanged.

    One that can't be parsed loses everything before an @, and still can't be parsed.
    """
    if "@" not in text:
        return text
    clean = _cleaned(text)
    given = _SCHEME.match(clean)
    front = given[0] if given else ""
    rest = clean[len(front) :]
    if parsed(text) is None:
        return f"{front}{'//' if given else ''}{_MARK}{rest.rpartition('@')[2]}"
    scheme = (given[1] or given[2]).lower() if given else "https"
    slashes, ends = (r"[/\\]*", r"[/\\?#]") if scheme in _SPECIAL else ("//", "[/?#]")
    leading = re.match(slashes, rest)
    start = leading.end() if leading else 0
    end = re.compile(ends).search(rest, start)
    stop = end.start() if end else len(rest)
    _user, at, host = rest[start:stop].rpartition("@")
    return f"{front}{rest[:start]}{host}{rest[stop:]}" if at else text


def _cleaned(text: str) -> str:
    """Return an address without surrounding invisible characters, and without tabs and line breaks."""
    unseen = "".join({char for char in text if char == " " or not char.isprintable()})
    return text.strip(unseen).translate(_REMOVED)
