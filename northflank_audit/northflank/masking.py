"""Secrets that the other side repeats, replaced by asterisks in whatever encoding they come."""

import base64
import html
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

SHORTEST: Final = 6
"""Characters: a shorter secret is a stand-in, and cannot be told from a part of a word."""
MASKED: Final = "***"
_LAYERS: Final = 4
"""How many encodings, one around the other, are undone at most."""
_MARKS: Final = "%&\\"
"""One of these is in every escape."""
_ESCAPE: Final = re.compile(
    r"%[0-9a-f]{2}"  # percent-encoding
    r"|\\(?:u00|x|u\{0{0,6})[0-9a-f]{2}\}?|\\[\\/\"']"  # JSON, and other languages
    r"|&\#(?:x[0-9a-f]{1,8}|[0-9]{1,8});?|&\w{1,32};",  # HTML
    re.IGNORECASE | re.ASCII,
)


class TextMask:
    """What hides the given secrets: in texts, and in decoded JSON."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take secrets of ASCII; those shorter than SHORTEST are not masked."""
        self._forms = sorted({form.lower() for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._bytes = [form.encode() for form in self._forms]
        self._pattern = re.compile("|".join(map(re.escape, self._forms)), re.IGNORECASE)

    def text(self, text: str) -> str:
        """Return a text without the secrets: as they are, and behind the escapes of URLs, JSON and HTML."""
        if not self._holds(text):
            return text
        hidden: list[tuple[int, int]] = []
        layer, starts = text, list(range(len(text) + 1))
        for _ in range(_LAYERS):
            hidden += [(starts[each.start()], starts[each.end()]) for each in self._pattern.finditer(layer)]
            layer, starts = _decoded(layer, starts)
        parts, end = [], 0
        for start, stop in sorted(hidden):
            if start >= end:
                parts += [text[end:start], MASKED]
            end = max(end, stop)
        return "".join([*parts, text[end:]])

    def value(self, value: Any) -> Any:
        """Return decoded JSON without the secrets, also in keys. Raises RecursionError if it is nested too deeply."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def may_be_in(self, body: bytes) -> bool:
        """Tell whether JSON has to be searched at all: quickly, and True in doubt."""
        if not self._forms:
            return False
        lower = body.lower()
        return any(mark.encode() in body for mark in _MARKS) or any(form in lower for form in self._bytes)

    def _holds(self, text: str) -> bool:
        if not self._forms:
            return False
        for _ in range(_LAYERS):
            lower = text.lower()
            if any(form in lower for form in self._forms):
                return True
            if not any(mark in text for mark in _MARKS):
                return False
            text = _ESCAPE.sub(_character, text)
        return False


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, in hex, and as a part of base64, of which only the characters that are its own."""
    if len(secret) < SHORTEST:
        return
    held = secret.encode()
    yield secret
    yield held.hex()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + held + b"\0" * 3).decode()
        own = encoded[-(-8 * before // 6) : 8 * (before + len(held)) // 6]
        yield own
        yield own.replace("+", "-").replace("/", "_")


def _character(escape: re.Match[str]) -> str:
    """Return what an escape stands for, if that is a character of ASCII."""
    text = escape.group()
    if text.startswith("&"):
        character = html.unescape(text)
    elif len(text) == 2:  # noqa: PLR2004 - a backslash and what it escapes
        character = text[1]
    else:
        character = chr(int(text.rstrip("}")[-2:], 16))
    return character if len(character) == 1 and character.isascii() else text


def _decoded(layer: str, starts: list[int]) -> tuple[str, list[int]]:
    """Return a text with its escapes undone, and where in the first text each character starts, and its end."""
    parts: list[str] = []
    places: list[int] = []
    end = 0
    for escape in _ESCAPE.finditer(layer):
        character = _character(escape)
        if len(character) > 1:
            continue
        parts += [layer[end : escape.start()], character]
        places += [*starts[end : escape.start()], starts[escape.start()]]
        end = escape.end()
    return "".join([*parts, layer[end:]]), [*places, *starts[end:]]
