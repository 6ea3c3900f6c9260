"""Renders static pages about the history, with the report's strict policy."""

from typing import Any

from markupsafe import Markup

from northflank_audit.formats.self_contained import render_page
from northflank_audit.periods import rough
from northflank_audit.printable import printable


def render(template: str, *, script: str | None = None, **shown: Any) -> str:
    """Return a page by its template, with its style inside; `script` is the name of a bundled file."""
    return render_page(
        template,
        styles=("base.css", "pages.css"),
        scripts=() if script is None else (script,),
        filters={"breakable": _breakable, "rough": rough, "since": lambda end, begin: rough(end - begin)},
        **shown,
    )


def _breakable(name: str) -> Markup:
    """Return a name whose lines may break after a slash, and not inside a word if possible."""
    return Markup("/<wbr>").join(printable(name).split("/"))
