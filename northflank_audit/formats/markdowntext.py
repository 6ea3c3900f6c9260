"""Escapes outside text for GitHub and GitLab Markdown.

It must not become markup, HTML, a link, a mention or a reference. Both sites look for addresses, mentions and
references in the text after Markdown has been rendered, where entities are characters again, but not in code. So a word
that contains one is put in a code span, where it stays inert and can be copied unchanged.
"""

import re
from typing import Any, Final

from markupsafe import Markup

from northflank_audit.printable import has_reference, printable

_CHARACTERS: Final = {
    **{ord(character): f"\\{character}" for character in "\\`*_[]~$"},
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("|"): "&#124;",  # even escaped by a backslash it would end a table's cell
}
_WORD: Final = re.compile(r"\S+")
_OURS: Final = re.compile(r"[(\"']?https?://[^@]*")
"""An address that the text of a rule may contain."""
_SEPARATOR: Final = re.compile(r"([`|])")
"""Characters that would end a code span or a table's cell."""
_BLOCK: Final = re.compile(r"^([-+=]|\d{1,9}(?=[.)](?:\s|$)))")


def escape(value: Any) -> Markup:
    """Return text that shows as it is, on one line; Markup, which was made here, is returned unchanged."""
    if isinstance(value, Markup):
        return value
    words = _WORD.sub(lambda word: _word(word[0]), printable(str(value)).strip())
    return Markup(_BLOCK.sub(_without_block, words))  # noqa: S704 - escaped just now


def ours(text: str) -> Markup:
    """Escape the text of a rule, whose addresses need not be inert."""
    words = _WORD.sub(lambda word: word[0].translate(_CHARACTERS) if _OURS.fullmatch(word[0]) else _word(word[0]), text)
    return Markup(words)  # noqa: S704 - escaped just now


def code(value: Any) -> Markup:
    """Return text as code. If a backtick or a pipe would end it, it is marked up with HTML."""
    text = printable(str(value)).strip()
    if not text or "`" in text or "|" in text:
        return Markup(f"<code>{escape(text)}</code>")  # noqa: S704 - escaped just now
    return Markup(f"`{text}`")  # noqa: S704 - nothing in a code span is markup


def autolink(url: str) -> Markup:
    """Return a link to an address from `view.address`, which contains no whitespace and no angle bracket."""
    return Markup(f"<{url}>")  # noqa: S704 - see the docstring


def _word(word: str) -> str:
    if not has_reference(word):
        return word.translate(_CHARACTERS)
    parts = _SEPARATOR.split(word)
    return "".join(f"&#{ord(part)};" if part in ("`", "|") else f"`{part}`" for part in parts if part)


def _without_block(start: re.Match[str]) -> str:
    """Keep the start of a text from making a list or a heading."""
    return start[0] + "\\" if start[0].isdigit() else "\\" + start[0]
