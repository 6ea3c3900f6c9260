"""Masks secrets that an answer repeats, in whatever encoding."""

import base64
import html
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final

SHORTEST: Final = 6
"""Characters: a shorter secret is a placeholder, and may be part of an ordinary word."""
MASKED: Final = "***"
_LAYERS: Final = 4
"""How many nested encodings are undone at most."""
_MARKS: Final = "%&\\"
"""One of these is in every escape."""
_ESCAPE: Final = re.compile(
    r"%[0-9a-f]{2}"  # percent-encoding
    r"|\\(?:u00|x|u\{0{0,6})[0-9a-f]{2}\}?|\\[\\/\"']"  # JSON, and other languages
    r"|&\#(?:x[0-9a-f]{1,8}|[0-9]{1,8});?|&\w{1,32};",  # HTML
    re.IGNORECASE | re.ASCII,
)


class TextMask:
    """Masks the given secrets in texts and in decoded JSON."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take ASCII secrets; those shorter than SHORTEST are not masked."""
        self._forms = sorted({form.lower() for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._bytes = [form.encode() for form in self._forms]

    def text(self, text: str) -> str:
        """Return a text without the secrets, plain or escaped as in URLs, JSON and HTML."""
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
        """Return quickly whether JSON has to be searched; True in doubt."""
        if not self._forms:
            return False
        lower = body.lower()
        return any(mark.encode() in body for mark in _MARKS) or any(form in lower for form in self._bytes)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """What is replaced in a text that contains a secret; most runs have no such text."""
        return re.compile("|".join(map(re.escape, self._forms)), re.IGNORECASE)

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
    """Yield a secret as it is, in hex, and in base64 at each offset, without characters that neighbours affect."""
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
    """Return the character of an escape, if it is ASCII."""
    text = escape.group()
    if text.startswith("&"):
        character = html.unescape(text)
    elif len(text) == 2:  # noqa: PLR2004 - a backslash and what it escapes
        character = text[1]
    else:
        character = chr(int(text.rstrip("}")[-2:], 16))
    return character if len(character) == 1 and character.isascii() else text


def _decoded(layer: str, starts: list[int]) -> tuple[str, list[int]]:
    """Return a text with its escapes undone, and for each character its start in the original text, and the end."""
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
