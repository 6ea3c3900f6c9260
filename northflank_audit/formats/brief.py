"""A brief report as Markdown, for summaries that must stay small."""

from typing import Any, Final

from markupsafe import Markup

from northflank_audit.formats.markdown import template
from northflank_audit.formats.view import view
from northflank_audit.formats.worst import worst
from northflank_audit.printable import shortened
from northflank_audit.report import Report

MOST: Final = 20
"""Findings, violated rules and reasons that are listed."""
_LONGEST: Final = 200
"""Characters of any text that others wrote.

Even the most hostile report then stays far below the 1 MiB that GitHub accepts as a step's summary (GitHub's
documentation, "Workflow commands for GitHub Actions", step isolation and limits)."""


def brief(report: Report) -> str:
    """Return the report in brief."""
    return template("brief.md.j2", _short).render(**view(report), worst=worst(report, MOST), most=MOST)


def _short(value: Any) -> Any:
    return value if isinstance(value, Markup) else shortened(str(value), _LONGEST)
