"""The report as one page of HTML that needs nothing else: no script, no request, no style but its own."""

import base64
import hashlib
from typing import Any

from markupsafe import Markup

from northflank_audit.formats.templating import environment
from northflank_audit.formats.view import view
from northflank_audit.printable import printable
from northflank_audit.report import Report
from northflank_audit.shipped import TEMPLATES


def render(report: Report) -> str:
    """Return the report as HTML."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment(_shown, html=True).get_template("report.html.j2")
    return template.render(
        **view(report),
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=f"sha256-{digest}",
    )


def _shown(value: Any) -> Any:
    """Make what is not ours printable; Jinja escapes it afterwards."""
    return value if isinstance(value, Markup) else printable(str(value))
