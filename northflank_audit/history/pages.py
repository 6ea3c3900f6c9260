"""Renders static pages about the history, with the report's strict policy."""

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats.templating import environment
from northflank_audit.periods import rough
from northflank_audit.printable import printable


def render(template: str, *, script: str | None = None, **shown: Any) -> str:
    """Return a page by its template, with its style inside; `script` is the name of a bundled file."""
    style = _own("base.css", "pages.css")
    code = "" if script is None else _own(script)
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own files
            style_hash=_digest(style),
            script=Markup(code),  # noqa: S704 - our own file
            script_hash=_digest(code) if code else "'none'",
            **shown,
        )
    )


@cache
def _environment() -> SandboxedEnvironment:
    """Return the environment of all pages; a site has thousands."""
    made_by = environment(_printable, html=True)
    made_by.filters["breakable"] = _breakable
    made_by.filters["rough"] = rough
    made_by.filters["since"] = lambda end, begin: rough(end - begin)
    return made_by


@cache
def _own(*names: str) -> str:
    """Return bundled files without indentation, which no page needs and a site has thousands of times."""
    text = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    return "\n".join(filter(None, map(str.strip, text.splitlines())))


@cache
def _digest(text: str) -> str:
    """Return the hash by which a policy allows an inline style or script (CSP 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _printable(value: Any) -> Any:
    """Make text from outside printable; Jinja escapes it afterwards."""
    return value if isinstance(value, Markup) else printable(str(value))


def _breakable(name: str) -> Markup:
    """Return a name whose lines may break after a slash, and not inside a word if possible."""
    return Markup("/<wbr>").join(printable(name).split("/"))
