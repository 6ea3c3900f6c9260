"""Shows outside text as text, never as a command."""

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
"""Letters and symbols that look like whitespace: Hangul fillers, and Braille without a dot."""
_STYLE: Final = re.compile("(\x1b\\[(?:[0-3]|[39][0-7])m)")
"""The codes that click.style puts around text: bold, dim and the colours."""
_ANYWHERE: Final = re.compile(r"(?<=#)#(?=[^\s\[]{0,40}\[)")
"""Azure Pipelines (`##[command]`, `##vso[…]`), TeamCity (`##teamcity[…]`) and GitHub (`##[…]`) run commands anywhere in
a line. Sources: azure-pipelines-agent and actions/runner, ActionCommand.TryParse."""
_AT_THE_START: Final = re.compile(r"^((?:\s|\x1b\[\d+m)*):(?=:)", re.MULTILINE)
"""GitHub runs `::command::` at the start of a line, whitespace aside (actions/runner, ActionCommand.TryParseV2)."""
_BREAK: Final = "\u200b"
"""A zero-width space: it is invisible, and breaks text that a program would otherwise recognise."""
_CHAT: Final = re.compile(r"(?<=[@#<])(?=\S)|(?<=:)(?=//)|(?i:(?<=\bwww))(?=\.)")
"""Text in which chats find a mention, a channel or a link."""
_MAIL: Final = re.compile(r"(?i)(?<=:)//|(?<=www)\.|@")
"""Text that mail clients turn into links."""
_FORGE: Final = re.compile(r"://|(?i:\bwww\.)|[@#]|(?<!\w)[!$~%^&](?=[\w\"])|[!$~%^&](?=\d)")
"""Words in which GitHub and GitLab find an address, a mention, or a reference to an issue, a snippet, a label, a
milestone, an epic."""
_WIDEST: Final = 100
"""Characters of a line that are shown at most."""


def printable(text: str) -> str:
    """Return text that shows as it is, on one line.

    Line breaks and tabs become a space. Control characters, and those that reorder or hide text, become U+FFFD.
    """
    if text.isascii() and text.isprintable():  # as most texts are
        return text
    return _UNSAFE.sub("\ufffd", _BLANKS.sub(" ", text))


def shortened(text: str, longest: int) -> str:
    """Return a text's start, with at most this many characters; if it was cut, the last is an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def blank(text: str) -> bool:
    """Return whether a text is invisible: only whitespace, control characters and fillers."""
    return all(unicodedata.category(each)[0] in "ZC" or each in _FILLERS for each in text)


def chat_text(text: str) -> str:
    """Return text in which no chat finds a mention or an address."""
    return _CHAT.sub(_BREAK, text)


def mail_text(text: str) -> str:
    """Return text in which no mail client finds an address of the web or of mail."""
    return _MAIL.sub(lambda found: f"{_BREAK}{found[0]}{_BREAK}", text)


def sarif_text(text: str) -> str:
    """Return text in which a reader of SARIF messages finds no link (SARIF 2.1.0, 3.11.6)."""
    return text.replace("](", f"]{_BREAK}(")


def has_reference(word: str) -> bool:
    """Return whether GitHub or GitLab would find an address, a mention or a reference in a word."""
    return _FORGE.search(word) is not None


def inert(text: str, *, json: bool = False, commands: bool = False) -> str:
    """Return text in which no CI that reads the output finds a command.

    With `json` the JSON value stays the same. `commands` says that the text is intentionally GitHub commands.
    """
    if json:
        return _ANYWHERE.sub(r"\\u0023", text)
    text = _ANYWHERE.sub(" #", text)
    return text if commands else _AT_THE_START.sub(r"\1: ", text)


def printable_lines(text: str, *, json: bool = False, commands: bool = False) -> str:
    """Return text of several lines to print: inert, and without control characters except for styles."""
    parts = _STYLE.split(spelt(text))
    parts[::2] = ("\n".join(map(_without_controls, each.split("\n"))) for each in parts[::2])
    return inert("".join(parts), json=json, commands=commands)


def _without_controls(line: str) -> str:
    return "\t".join(_UNSAFE.sub("\ufffd", each) for each in line.split("\t"))


def spelt(path: str) -> str:
    """Return a path as valid UTF-8 text: bytes of a name that are not text show as escapes."""
    return path.encode(errors="backslashreplace").decode()


def excerpt(line: str, number: int, column: int, width: int = 1) -> str:
    """Return a line of a file and, aligned below it, a caret at its `column` (from 1)."""
    visible = _UNSAFE.sub("\ufffd", line.replace("\t", " "))  # as many characters as there were
    start = max(0, column - 1 - _WIDEST * 2 // 3) if len(visible) > _WIDEST else 0
    before, after = visible[start : column - 1], visible[column - 1 : start + _WIDEST]
    before = ("…" if start else "") + before
    after += "…" if start + _WIDEST < len(visible) else ""
    marked = max(1, _cells(after[:width]))
    margin = " " * len(f"{number:>4}")
    return f"{number:>4} | {before}{after}\n{margin} | {' ' * _cells(before)}^{'~' * (marked - 1)}"


def _cells(text: str) -> int:
    """Return the width of text in a terminal, in columns."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
