"""Finds the position of a text value's characters in YAML."""

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED: Final = dict(zip('0abt\tnvfre "/\\N_LP', '\0\a\b\t\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029', strict=True))
"""The one-character escapes of YAML 1.1, section 5.6."""


def offset(written: str, style: str | None, value: str, index: int) -> int:
    """Return the position of the character at `index` of a scalar's `value` in the scalar as `written`.

    `written` begins with the quote or the `|` or `>`, if there is one; `style` is that character. An index at the
    value's end gives the end of the text. YAML keeps all characters except whitespace in order, whatever the style; so
    one pass over both finds each such character exactly, and whitespace approximately.
    """
    at = {"'": 1, '"': 1}.get(style or "", 0)
    if style in ("|", ">"):
        at = written.find("\n") + 1 or len(written)
    end = at
    for position, character in enumerate(value):
        at, length = _next(written, at, style, character)
        if position == index:
            return at
        at += length
        end = at
    return end


def _next(written: str, at: int, style: str | None, character: str) -> tuple[int, int]:
    """Return where the value's next character is, at `at` or later, and its length in the file."""
    while at < len(written):
        here = written[at]
        if style == '"' and here == "\\":
            match = _ESCAPE.match(written, at)
            length = len(match[0]) if match else 1
            if match and _character(match[1]) == character:
                return at, length
            at += length  # an escaped line break
        elif here == character:
            return at, 2 if style == "'" and here == "'" else 1
        elif here in " \t\n" and character in " \n":
            return at, len(written[at:]) - len(written[at:].lstrip(" \t\n"))  # a line break that became a space
        else:
            at += 1
    return len(written), 0


def _character(escape: str) -> str:
    return _ESCAPED.get(escape) or (chr(int(escape[1:], 16)) if escape[0] in "xuU" and len(escape) > 1 else "")
