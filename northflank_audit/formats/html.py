"""The report as one self-contained HTML page.

The page makes no request, and is complete without its script, which only filters and sorts.
"""

from northflank_audit.formats import ruletext
from northflank_audit.formats.htmlview import page
from northflank_audit.formats.self_contained import render_page
from northflank_audit.report import Report


def render(report: Report) -> str:
    """Return the report as HTML."""
    context = page(report)
    return render_page(
        "report.html.j2",
        styles=("base.css", "report.css"),
        scripts=("report.js", "copying.js"),
        filters={"rich": ruletext.html},
        page=context,
        **context,
    )
