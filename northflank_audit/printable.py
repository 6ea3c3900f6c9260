"""How text that others wrote is shown: as what it is, on one line, and never as a command to a terminal."""

import re
import unicodedata
from typing import Final

_BLANKS: Final = re.compile(r"[\t\n\v\f\r]+")
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, overrides and isolates that turn the direction of writing
    "\u2028\u2029\ufeff"  # separators of lines and paragraphs; the byte order mark
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # halves of surrogate pairs, noncharacters
    "\U000e0000-\U000e007f]"  # invisible tags
)
_FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols that look like a blank: Hangul fillers, and Braille without a dot."""
_WIDEST: Final = 100
"""Characters of a line that are shown at most."""


def printable(text: str) -> str:
    """Return text that shows as what it is, on one line.

    Line breaks and tabs become a blank. Control characters, and those that reorder or hide text, become U+FFFD.
    """
    return _UNSAFE.sub("\ufffd", _BLANKS.sub(" ", text))


def blank(text: str) -> bool:
    """Tell whether nothing of a text is to be seen: it has blanks, controls and fillers alone."""
    return all(unicodedata.category(each)[0] in "ZC" or each in _FILLERS for each in text)


def spelt(path: str) -> str:
    """Return a path as text that UTF-8 has: bytes of a name that are no text show as escapes in it."""
    return path.encode(errors="backslashreplace").decode()


def excerpt(line: str, number: int, column: int, width: int = 1) -> str:
    """Return a line of a file, and a caret below its `column` (from 1), as two lines that align in a terminal."""
    shown = _UNSAFE.sub("\ufffd", line.replace("\t", " "))  # as many characters as there were
    start = max(0, column - 1 - _WIDEST * 2 // 3) if len(shown) > _WIDEST else 0
    before, after = shown[start : column - 1], shown[column - 1 : start + _WIDEST]
    before = ("…" if start else "") + before
    after += "…" if start + _WIDEST < len(shown) else ""
    marked = max(1, _cells(after[:width]))
    margin = " " * len(f"{number:>4}")
    return f"{number:>4} | {before}{after}\n{margin} | {' ' * _cells(before)}^{'~' * (marked - 1)}"


def _cells(text: str) -> int:
    """Return how many columns of a terminal text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
