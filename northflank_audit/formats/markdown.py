"""The report as Markdown, to paste into a ticket.

Outside text shows as plain text (see `markdowntext`); texts of rules keep their Markdown.
"""

from collections.abc import Callable, Mapping, Sized
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from jinja2 import Template
from markupsafe import Markup

from northflank_audit.formats import ruletext
from northflank_audit.formats.markdowntext import autolink, code, escape
from northflank_audit.formats.templating import environment, remembered
from northflank_audit.formats.text import new_first
from northflank_audit.formats.view import grouped, view
from northflank_audit.printable import shortened
from northflank_audit.report import Report

MOST: Final = 500
"""Results, rules and controls in a table or list at most."""
LEAST: Final = 5
"""Those that are always listed, however long the report is."""
LONGEST: Final = 65_536
"""Characters that GitHub accepts in an issue or a comment, in units of UTF-16, the strictest count. It renders files of
up to 2 MB; GitLab accepts 1,000,000 characters."""
WIDEST: Final = 1_000
"""Characters of an outside text, at most."""
NARROWEST: Final = 125
"""Characters that are always shown, however long the report is."""
_TEMPLATES: Final = 32
"""Templates that are kept for the next report."""
NAMED: Final = 150
"""Violated rules without a section that are named at most."""


class Bounds(NamedTuple):
    """How much of a report is shown."""

    most: int
    """Results of a table, and items of a list."""
    rules: int
    """Violated rules, and rows of tables of rules and controls."""
    widest: int
    """Characters of a text."""


def render(report: Report) -> str:
    """Return the report as Markdown, short enough for a comment; the new and the worst findings are kept longest."""
    violating = new_first(each for each in report.results if each.violates)
    names = view(report) | {"findings": grouped(report, violating)}
    longest = _longest(report, names)
    bounds: Bounds | None = Bounds(MOST, MOST, WIDEST)
    described, text = True, ""
    while bounds is not None:
        page = template("report.md.j2", _shortening(bounds.widest))
        text = page.render(**names, most=bounds.most, rules_most=bounds.rules, named_most=NAMED, described=described)
        if size(text) <= LONGEST:
            return text
        if described:  # of rules that found nothing, the descriptions of parameters are omitted first
            described = False
            continue
        bounds = _less(bounds, longest, LONGEST / size(text))
    return cut(text)


def _longest(report: Report, names: Mapping[str, Any]) -> Bounds:
    """Return the length of the longest table of each kind; higher limits would change nothing."""
    tables = [names[name] for name in ("waived", "others", "resolved", "unsettled")]
    tables += [finding.results for finding in names["findings"]]
    return Bounds(max(map(len, tables)), len(report.rules), WIDEST)


def _less(bounds: Bounds, longest: Bounds, share: float) -> Bounds | None:
    """Return lower limits: first fewer results per rule, then fewer rules, then shorter texts; None at the minimum.

    `share` is the part of the text that fits, so that a very long one needs few steps.
    """
    for name, least in (("most", LEAST), ("rules", LEAST), ("widest", NARROWEST)):
        size = min(getattr(bounds, name), getattr(longest, name))
        if size > least:
            return bounds._replace(**{name: max(least, int(size * min(share, 0.75)))})
    return None


def cut(text: str, file: str = "report.json") -> str:
    """Return as many whole lines of a text as fit, with a note that there is more in a file."""
    end = f"\n… and more, in {file}: cut at GitHub's limit for a comment\n"
    room, lines = LONGEST - size(end), []
    for line in text.splitlines(keepends=True):
        room -= size(line)
        if room < 0:
            break
        lines.append(line)
    return "".join([*lines, end])


def size(text: str) -> int:
    """Return the length of a text as GitHub counts it, in units of UTF-16."""
    return len(text.encode("utf-16-le")) // 2


@lru_cache(_TEMPLATES)
def _shortening(widest: int) -> Callable[[Any], Any]:
    return partial(_short, widest=widest)


def _short(value: Any, widest: int) -> Any:
    return value if isinstance(value, Markup) else shortened(str(value), widest)


@lru_cache(_TEMPLATES)
def template(name: str, finalize: Callable[[Any], Any] = lambda value: value) -> Template:
    """Return a template of Markdown that passes every expression to `finalize` and then escapes it."""
    shown, coded = remembered(lambda text: escape(finalize(text))), remembered(lambda text: code(finalize(text)))
    templates = environment(lambda value: value if isinstance(value, Markup) else shown(value), html=False)
    templates.filters |= {
        "autolink": autolink,
        "code": coded,
        "more": more,
        "rich": lambda value: ruletext.markdown(finalize(value)),
        "shortened": lambda value, longest: shortened(str(value), longest),
    }
    return templates.get_template(name)


def more(items: Sized, most: int) -> str:
    """Return how many items are not listed."""
    return f"… and {len(items) - most} more, in report.json"
