"""The report as one self-contained HTML page.

The page makes no request, and is complete without its script, which only filters and sorts.
"""

import base64
import hashlib
from typing import Any

from markupsafe import Markup

from northflank_audit.bundled import TEMPLATES
from northflank_audit.formats import ruletext
from northflank_audit.formats.htmlview import page
from northflank_audit.formats.templating import environment
from northflank_audit.printable import printable
from northflank_audit.report import Report


def render(report: Report) -> str:
    """Return the report as HTML."""
    style, script = _own("base.css", "report.css"), _own("report.js", "copying.js")
    made_by = environment(_printable, html=True)
    made_by.filters["rich"] = ruletext.html
    template = made_by.get_template("report.html.j2")
    context = page(report)
    return template.render(
        **context, page=context, style=style, style_hash=_digest(style), script=script, script_hash=_digest(script)
    )


def _own(*names: str) -> Markup:
    """Return bundled files as they are, one after the other."""
    texts = [(TEMPLATES / name).read_text(encoding="utf-8").strip() for name in names]
    return Markup("\n".join(texts))  # noqa: S704 - our own files


def _digest(text: str) -> str:
    """Return the hash by which a policy allows an inline style or script (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _printable(value: Any) -> Any:
    """Make text from outside printable; Jinja escapes it afterwards."""
    return value if isinstance(value, Markup) else printable(str(value))
