"""The report as Markdown of GitHub's and GitLab's kind, to paste into a ticket.

What others wrote must show as text there: no markup, HTML, link, mention or reference may come of it. Both sites look
for addresses, mentions and references in the text after Markdown has been rendered, where entities are characters
again; an invisible blank (U+200B) keeps them from being found.
"""

import re
from collections.abc import Callable, Sized
from typing import Any, Final

from jinja2 import Template
from markupsafe import Markup

from northflank_audit.formats.templating import environment
from northflank_audit.formats.view import view
from northflank_audit.printable import printable
from northflank_audit.report import Report

_CHARACTERS: Final = {
    **{ord(character): f"\\{character}" for character in "\\`*_[]~$"},
    **{ord(character): f"&#{ord(character)};&#8203;" for character in "@#"},
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("|"): "&#124;",  # a backslash before it would end a table's cell all the same
}
_ADDRESS: Final = re.compile(r"://")
_WWW: Final = re.compile(r"(?i)\b(www)\.")
_REFERENCE: Final = re.compile(r"(?<!\w)(!|\\[$~]|%|\^|&amp;)(?=[\w\"])")
_BLOCK: Final = re.compile(r"^([-+=]|\d{1,9}(?=[.)](?:\s|$)))")


MOST: Final = 500
"""Results that a table lists at most."""
LEAST: Final = 5
"""Results that it lists however long the report gets."""
LONGEST: Final = 65_536
"""Characters that GitHub takes for an issue or a comment; it renders files of up to 2 MB, GitLab takes 1,000,000."""


def render(report: Report) -> str:
    """Return the report as Markdown. Where it would not fit into a ticket, each table names fewer results."""
    page, names, most = template("report.md.j2"), view(report), MOST
    while len(text := page.render(**names, most=most)) > LONGEST and most > LEAST:
        most = max(LEAST, most // 2)
    return text


def template(name: str, shown: Callable[[Any], Any] = lambda value: value) -> Template:
    """Return a template of Markdown whose every expression is first `shown`, and then escaped."""
    made = environment(lambda value: escape(shown(value)), html=False)
    made.filters |= {
        "autolink": autolink,
        "code": lambda value: code(shown(value)),
        "more": more,
        "shortened": shortened,
    }
    return made.get_template(name)


def more(found: Sized, most: int) -> str:
    """Return how many of what was found are not named."""
    return f"… and {len(found) - most} more, in report.json"


def shortened(value: Any, longest: int) -> str:
    """Return a text's beginning, of at most so many characters."""
    text = str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def escape(value: Any) -> Markup:
    """Return text that shows as it is, on one line; what is Markup has been made here and stays."""
    if isinstance(value, Markup):
        return value
    text = printable(str(value)).strip().translate(_CHARACTERS)
    text = _ADDRESS.sub("&#58;&#8203;//", text)
    text = _WWW.sub(r"\1&#8203;.", text)
    text = _REFERENCE.sub(r"\1&#8203;", text)
    return Markup(_BLOCK.sub(_without_block, text))  # noqa: S704 - escaped just now


def code(value: Any) -> Markup:
    """Return text as code. A backtick or a pipe would end it, so then HTML marks it."""
    text = printable(str(value)).strip()
    if not text or "`" in text or "|" in text:
        return Markup(f"<code>{escape(text)}</code>")  # noqa: S704 - escaped just now
    return Markup(f"`{text}`")  # noqa: S704 - nothing in a code span is markup


def autolink(url: str) -> Markup:
    """Return a link to an address that `view.address` gave: it has no blank and no angle bracket."""
    return Markup(f"<{url}>")  # noqa: S704 - as said


def _without_block(start: re.Match[str]) -> str:
    """Keep the start of a text from making a list or a heading."""
    return start[0] + "\\" if start[0].isdigit() else "\\" + start[0]
