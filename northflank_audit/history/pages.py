"""Renders static pages about the history, with the report's strict policy."""

from typing import Any

from northflank_audit.formats.self_contained import render_page
from northflank_audit.periods import rough


def render(template: str, *, script: str | None = None, **shown: Any) -> str:
    """Return a page by its template, with the report's style; `script` is the name of a bundled file."""
    return render_page(
        template,
        styles=("report.css", "pages.css"),
        scripts=[] if script is None else [script],
        filters={"rough": rough, "since": lambda end, begin: rough(end - begin)},
        **shown,
    )
