"""Renders pages that make no request: styles and scripts stand in them, allowed by their hashes alone."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats.templating import environment
from northflank_audit.printable import printable


def render_page(
    template: str,
    *,
    styles: Sequence[str],
    scripts: Sequence[str] = (),
    filters: Mapping[str, Callable[..., Any]] | None = None,
    **shown: Any,
) -> str:
    """Return a page by its template; `styles` and `scripts` are names of bundled files."""
    style, script = _bundled(*styles), _bundled(*scripts)
    made_by = _environment()
    made_by.filters |= filters or {}
    return made_by.get_template(template).render(
        style=style, style_hash=_source(style), script=script, script_hash=_source(script), **shown
    )


@cache
def _environment() -> Environment:
    """Return the environment of all pages; a site and a fleet have thousands."""
    return environment(_printable, html=True)


@cache
def _bundled(*names: str) -> Markup:
    """Return bundled files, one after the other, without the indentation that no page needs."""
    text = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    return Markup("\n".join(filter(None, map(str.strip, text.splitlines()))))  # noqa: S704 - our own files


@cache
def _source(text: str) -> Markup:
    """Return the hash by which a policy allows an inline style or script (CSP 3, section 2.3.1)."""
    if not text:
        return Markup("'none'")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"'sha256-{digest}'")  # noqa: S704 - letters, digits, +, / and =


def _printable(value: Any) -> Any:
    """Make text from outside printable; Jinja escapes it afterwards."""
    return value if isinstance(value, Markup) else printable(str(value))
