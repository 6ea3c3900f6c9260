"""Renders static pages about the history, with the report's strict policy."""

import base64
import hashlib
from typing import Any

from markupsafe import Markup

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats.templating import environment
from northflank_audit.periods import rough
from northflank_audit.printable import printable


def render(template: str, *, script: str | None = None, **shown: Any) -> str:
    """Return a page by its template, with the report's style; `script` is the name of a bundled file."""
    style = Markup("\n".join(_own(name) for name in ("report.css", "pages.css")))  # noqa: S704 - our own files
    code = "" if script is None else _own(script)
    made_by = environment(_printable, html=True)
    made_by.filters["rough"] = rough
    made_by.filters["since"] = lambda end, begin: rough(end - begin)
    return made_by.get_template(template).render(
        style=style,
        style_hash=_digest(style),
        script=Markup(code),  # noqa: S704 - our own file
        script_hash=_digest(code) if code else "'none'",
        **shown,
    )


def _own(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


def _digest(text: str) -> str:
    """Return the hash by which a policy allows an inline style or script (CSP 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _printable(value: Any) -> Any:
    """Make text from outside printable; Jinja escapes it afterwards."""
    return value if isinstance(value, Markup) else printable(str(value))
