"""JSON from outside, decoded strictly: a key that an object has twice is an error.

RFC 8259 lets a reader take either value of such a key, so two readers can see two different records.
"""

import json
import re
from typing import Any, Final

import msgspec

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"(\s*:)?|[][{}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}")
_COLON_ESCAPES: Final = (rb"\u003a", rb"\u003A")


class InvalidJSON(ValueError):
    """Text that is not JSON, or nested more deeply than can be read. The message says which and where."""


class DuplicateKey(InvalidJSON):
    """An object with the same key twice."""


def decode(content: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises DuplicateKey where an object has a key twice, InvalidJSON for everything else that can't be read.
    """
    try:
        value = msgspec.json.decode(content)
        if _may_repeat_a_key(content, value):
            _refuse_duplicates(content)
    except RecursionError:
        raise InvalidJSON("nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidJSON(f"not JSON ({error})") from None
    return value


def as_utf8(content: bytes) -> bytes:
    """Return a file's text in UTF-8, whether it is in UTF-8, UTF-16 or UTF-32, less its byte order mark.

    Without a mark the encoding shows in the zero bytes of the first characters, which must be ASCII (RFC 4627, 3).
    Raises UnicodeDecodeError; what looks like UTF-8 is not looked at.
    """
    encoding = json.detect_encoding(content)
    return content if encoding == "utf-8" else content.decode(encoding).encode()


def _may_repeat_a_key(content: bytes, value: Any) -> bool:
    """Tell whether a pair may be missing from the value; False is certain.

    A colon of the text stands in a string or between a key and its value. Encoded again, the value has all of them
    except those of pairs that were overwritten; more only where the text spells one as an escape.
    """
    if any(escape in content for escape in _COLON_ESCAPES):
        return True
    return content.count(b":") != msgspec.json.encode(value).count(b":")


def _refuse_duplicates(content: bytes) -> None:
    """Raise DuplicateKey for the first key that its object already has. The text is valid JSON."""
    objects: list[set[str] | None] = []
    for token in _TOKEN.finditer(content):
        first = content[token.start()]
        if first in b"{[":
            objects.append(set() if first == ord("{") else None)
        elif first in b"}]":
            objects.pop()
        elif token[1] is not None and (keys := objects[-1]) is not None:
            key = msgspec.json.decode(content[token.start() : token.start(1)])
            if key in keys:
                raise DuplicateKey(f"{_named(key)} stands twice in one object ({_place(content, token.start())})")
            keys.add(key)


def _named(key: str) -> str:
    """Name a key, unless it may be more than a name: those of a Docker config are addresses with a user in them."""
    return f"the key '{key}'" if _PLAIN_KEY.fullmatch(key) else "a key"


def _place(content: bytes, offset: int) -> str:
    line_start = content.rfind(b"\n", 0, offset) + 1
    line, column = content.count(b"\n", 0, offset) + 1, len(content[line_start:offset].decode()) + 1
    return f"line {line}, column {column}"
