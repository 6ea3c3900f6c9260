"""The report as Markdown of GitHub's and GitLab's kind, to paste into a ticket.

What others wrote shows as text there (see `markdowntext`), and the texts of rules as the Markdown that they are.
"""

from collections.abc import Callable, Mapping, Sized
from functools import partial
from typing import Any, Final, NamedTuple

from jinja2 import Template
from markupsafe import Markup

from northflank_audit.formats import ruletext
from northflank_audit.formats.markdowntext import autolink, code, escape
from northflank_audit.formats.templating import environment
from northflank_audit.formats.text import new_first
from northflank_audit.formats.view import grouped, view
from northflank_audit.printable import shortened
from northflank_audit.report import Report

MOST: Final = 500
"""Results, rules and controls that a table or list names at most."""
LEAST: Final = 5
"""Those that it names however long the report gets."""
LONGEST: Final = 65_536
"""Characters that GitHub takes for an issue or a comment, in units of UTF-16, the strictest count; it renders files of
up to 2 MB, GitLab takes 1,000,000."""
WIDEST: Final = 1_000
"""Characters of a text that others wrote, at most."""
NARROWEST: Final = 125
"""Those that it has at most however long the report gets."""
NAMED: Final = 150
"""Violated rules that are named at most, of those that have no section."""
_END: Final = "\n… and more, in report.json: this is cut at what GitHub takes for a comment\n"


class Bounds(NamedTuple):
    """How much of a report is shown."""

    most: int
    """Results of a table, and items of a list."""
    rules: int
    """Violated rules, and rows of tables of rules and controls."""
    widest: int
    """Characters of a text."""


def render(report: Report) -> str:
    """Return the report as Markdown, short enough for a comment; what is new and what is worst is kept longest."""
    violating = new_first(each for each in report.results if each.violates)
    names = view(report) | {"findings": grouped(report, violating)}
    longest = _longest(report, names)
    bounds: Bounds | None = Bounds(MOST, MOST, WIDEST)
    text = ""
    while bounds is not None:
        page = template("report.md.j2", partial(_short, widest=bounds.widest))
        text = page.render(**names, most=bounds.most, rules_most=bounds.rules, named_most=NAMED)
        if _size(text) <= LONGEST:
            return text
        bounds = _less(bounds, longest, LONGEST / _size(text))
    return _cut(text)


def _longest(report: Report, names: Mapping[str, Any]) -> Bounds:
    """Return how long the longest table of each kind is: what bounds above that would change nothing."""
    tables = [names[name] for name in ("waived", "others", "resolved", "unsettled")]
    tables += [finding.results for finding in names["findings"]]
    return Bounds(max(map(len, tables)), len(report.rules), WIDEST)


def _less(bounds: Bounds, longest: Bounds, share: float) -> Bounds | None:
    """Return less: fewer results of each rule first, then fewer rules, and shorter texts last; None at the least.

    `share` is what of the text fits, so that a very long one takes few steps.
    """
    for name, least in (("most", LEAST), ("rules", LEAST), ("widest", NARROWEST)):
        size = min(getattr(bounds, name), getattr(longest, name))
        if size > least:
            return bounds._replace(**{name: max(least, int(size * min(share, 0.75)))})
    return None


def _cut(text: str) -> str:
    """Return as many whole lines of a text as fit, and say that there is more."""
    room, lines = LONGEST - _size(_END), []
    for line in text.splitlines(keepends=True):
        room -= _size(line)
        if room < 0:
            break
        lines.append(line)
    return "".join([*lines, _END])


def _size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _short(value: Any, widest: int) -> Any:
    return value if isinstance(value, Markup) else shortened(str(value), widest)


def template(name: str, finalize: Callable[[Any], Any] = lambda value: value) -> Template:
    """Return a template of Markdown that passes every expression to `finalize` and then escapes it."""
    templates = environment(lambda value: escape(finalize(value)), html=False)
    templates.filters |= {
        "autolink": autolink,
        "code": lambda value: code(finalize(value)),
        "more": more,
        "rich": lambda value: ruletext.markdown(finalize(value)),
        "shortened": lambda value, longest: shortened(str(value), longest),
    }
    return templates.get_template(name)


def more(items: Sized, most: int) -> str:
    """Return how many of what was found are not named."""
    return f"… and {len(items) - most} more, in report.json"
