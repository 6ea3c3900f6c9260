"""The fleet's report as a self-contained page, as Markdown and as JSON.

The page makes no request, and is complete without its script, which only filters and sorts.
"""

from functools import partial
from typing import Any, Final

import msgspec
from markupsafe import Markup

from northflank_audit.fleet.fleet_matrix import Row, families, figures, rows
from northflank_audit.fleet.fleet_outcome import (
    TargetVerdict,
    by_severity,
    by_verdict,
    complete,
    fleet_explanation,
    fleet_headline,
    fleet_outcome,
    fleet_title,
    undelivered,
    whose_fleet,
    worst_first,
)
from northflank_audit.fleet.fleet_report import FleetReport
from northflank_audit.formats.markdown import LONGEST, cut, size, template
from northflank_audit.formats.markdowntext import escape
from northflank_audit.formats.self_contained import render_page
from northflank_audit.printable import shortened

WORST: Final = 20_000
"""Targets in the page at most."""
TOGETHER: Final = 100
"""Targets of each part of the page's matrix: browsers skip the parts that are out of sight."""
REASONS: Final = 20
"""Reasons of a target that are shown at most; its own report has them all."""
LONGEST_REASON: Final = 1_000
"""Characters of a reason that are shown."""
ROWS: Final = 500
"""Targets of the Markdown's matrix at most."""
NARROW: Final = 200
"""Characters of a reason in Markdown."""


def render_json(report: FleetReport) -> str:
    """Return the fleet's report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def render_html(report: FleetReport) -> str:
    """Return the fleet's report as one HTML page."""
    return render_page(
        "fleet.html.j2",
        styles=("base.css", "report.css", "pages.css", "fleet.css"),
        scripts=("fleet.js",),
        filters={"short": partial(shortened, longest=LONGEST_REASON)},
        **shared(report, WORST),
    )


def render_markdown(report: FleetReport) -> str:
    """Return the fleet's report as Markdown, short enough for a comment; the worst targets are kept."""
    most = min(ROWS, max(1, len(report.targets)))
    page = template("fleet.md.j2")
    while True:
        text = page.render(**shared(report, most), longest=NARROW, named=_named)
        if size(text) <= LONGEST or most == 1:
            return text if size(text) <= LONGEST else cut(text, "fleet.json")
        most = max(1, int(most * min(0.9, LONGEST / size(text))))


def _named(row: Row) -> Markup:
    """Return a target's name as Markdown, which links to its report if it has one."""
    name = escape(row.target.name)
    return name if row.link is None else Markup(f"[{name}]({row.link})")  # noqa: S704 - escaped, and quoted


def shared(report: FleetReport, most: int) -> dict[str, Any]:
    """Return the variables of the templates, with the worst targets, `most` of them."""
    columns, targets = families(report), worst_first(report)
    return {
        "report": report,
        "outcome": fleet_outcome(report),
        "headline": fleet_headline(report),
        "title": fleet_title(report),
        "explanation": fleet_explanation(report),
        "whose": whose_fleet(report),
        "complete": complete(report),
        "undelivered": undelivered(report),
        "verdicts": by_verdict(report),
        "unstarted": TargetVerdict.NOT_STARTED,
        "severities": by_severity(report),
        "families": columns,
        "rows": rows(targets[:most], columns),
        "more": len(targets[most:]),
        "figures": figures,
        "together": TOGETHER,
        "most_reasons": REASONS,
    }
