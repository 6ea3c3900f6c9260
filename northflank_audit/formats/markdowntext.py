"""Text that others wrote, as Markdown of GitHub's and GitLab's kind in which it shows as it is.

No markup, HTML, link, mention or reference may come of it. Both sites look for addresses, mentions and references in
the text after Markdown has been rendered, where entities are characters again, and nowhere in code. So a word that
holds one is put in a code span: it stays inert, and what a reader copies is what was written.
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
    ord("|"): "&#124;",  # a backslash before it would end a table's cell all the same
}
_WORD: Final = re.compile(r"\S+")
_OURS: Final = re.compile(r"[(\"']?https?://[^@]*")
"""An address that may stand in the text of a rule."""
_SEPARATOR: Final = re.compile(r"([`|])")
"""What would end a code span, or a table's cell."""
_BLOCK: Final = re.compile(r"^([-+=]|\d{1,9}(?=[.)](?:\s|$)))")


def escape(value: Any) -> Markup:
    """Return text that shows as it is, on one line; what is Markup has been made here and stays."""
    if isinstance(value, Markup):
        return value
    text = _WORD.sub(lambda word: _word(word[0]), printable(str(value)).strip())
    return Markup(_BLOCK.sub(_without_block, text))  # noqa: S704 - escaped just now


def ours(text: str) -> Markup:
    """Escape the text of a rule, whose addresses need not be inert."""
    words = _WORD.sub(lambda word: word[0].translate(_CHARACTERS) if _OURS.fullmatch(word[0]) else _word(word[0]), text)
    return Markup(words)  # noqa: S704 - escaped just now


def code(value: Any) -> Markup:
    """Return text as code. A backtick or a pipe would end it, so then HTML marks it."""
    text = printable(str(value)).strip()
    if not text or "`" in text or "|" in text:
        return Markup(f"<code>{escape(text)}</code>")  # noqa: S704 - escaped just now
    return Markup(f"`{text}`")  # noqa: S704 - nothing in a code span is markup


def autolink(url: str) -> Markup:
    """Return a link to an address that `view.address` gave: it has no blank and no angle bracket."""
    return Markup(f"<{url}>")  # noqa: S704 - as said


def _word(word: str) -> str:
    if not has_reference(word):
        return word.translate(_CHARACTERS)
    parts = _SEPARATOR.split(word)
    return "".join(f"&#{ord(part)};" if part in ("`", "|") else f"`{part}`" for part in parts if part)


def _without_block(start: re.Match[str]) -> str:
    """Keep the start of a text from making a list or a heading."""
    return start[0] + "\\" if start[0].isdigit() else "\\" + start[0]
