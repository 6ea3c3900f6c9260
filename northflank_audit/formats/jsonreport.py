"""The report as indented JSON, as docs/reference.md describes it."""

import msgspec

from northflank_audit.report import Report


def render(report: Report) -> str:
    """Return the report as JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
