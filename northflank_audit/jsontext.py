"""Decodes JSON from outside strictly: duplicate keys are an error.

RFC 8259 lets a reader use either value of a duplicate key, so two readers can see two different records.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"(\s*:)?|[][{}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}")
_COLON_ESCAPES: Final = (rb"\u003a", rb"\u003A")
_PACKED: Final = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
"""How compressed files begin, none of which begins as JSON may."""


class InvalidJSON(ValueError):
    """Text that is not JSON, or nested more deeply than can be read. The message says which and where."""


class DuplicateKey(InvalidJSON):
    """An object with the same key twice."""


def decode(content: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises DuplicateKey if an object has a key twice, InvalidJSON for other errors.
    """
    with _refusing(content):
        value = msgspec.json.decode(content)
        if _may_repeat_a_key(content, value):
            _refuse_duplicates(content)
    return value


def check(content: bytes) -> None:
    """Raise InvalidJSON for what is wrong first with the form of a JSON text in UTF-8, DuplicateKey if only that is.

    It builds no value, so it needs little memory; strings and numbers are only checked as far as that allows.
    """
    with _refusing(content):
        msgspec.json.decode(content, type=msgspec.Raw)
        _refuse_duplicates(content)


def as_utf8(content: bytes) -> bytes:
    """Return a file's UTF-8, UTF-16 or UTF-32 text as UTF-8, without its byte order mark.

    Without a mark the zero bytes of the first characters, which must be ASCII, show the encoding (RFC 4627, 3).
    Raises UnicodeDecodeError; text that looks like UTF-8 is not checked.
    """
    encoding = json.detect_encoding(content)
    return content if encoding == "utf-8" else content.decode(encoding).encode()


@contextmanager
def _refusing(content: bytes) -> Iterator[None]:
    """Raise InvalidJSON for what the decoder can't read."""
    try:
        yield
    except RecursionError:
        raise InvalidJSON("nested too deeply") from None
    except UnicodeDecodeError as error:  # its position is within one string
        raise InvalidJSON(f"not JSON (not UTF-8 text: byte 0x{error.object[error.start]:02x})") from None
    except msgspec.MsgspecError as error:
        packer = next((name for mark, name in _PACKED.items() if content.startswith(mark)), None)
        why = error if packer is None else f"it is compressed with {packer}"
        raise InvalidJSON(f"not JSON ({why})") from None


def _may_repeat_a_key(content: bytes, value: Any) -> bool:
    """Return whether a pair may be missing from the value; False is certain.

    Each colon of the text is in a string or between a key and its value. The value, encoded again, has all of them
    except those of overwritten pairs; it has more only if the text writes one as an escape.
    """
    if any(escape in content for escape in _COLON_ESCAPES):
        return True
    return content.count(b":") != msgspec.json.encode(value).count(b":")


def _refuse_duplicates(content: bytes) -> None:
    """Raise DuplicateKey for the first duplicate key. The text is valid JSON."""
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
                raise DuplicateKey(f"{_named(key)} occurs twice in one object ({_place(content, token.start())})")
            keys.add(key)


def _named(key: str) -> str:
    """Return a key for messages, unless it may hold a secret: those of a Docker config are addresses with a user."""
    return f"the key '{key}'" if _PLAIN_KEY.fullmatch(key) else "a key"


def _place(content: bytes, offset: int) -> str:
    line_start = content.rfind(b"\n", 0, offset) + 1
    line, column = content.count(b"\n", 0, offset) + 1, len(content[line_start:offset].decode()) + 1
    return f"line {line}, column {column}"
