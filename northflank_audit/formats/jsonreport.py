"""The report as JSON, for programs: the contract's document, indented."""

import msgspec

from northflank_audit.report import Report


def render(report: Report) -> str:
    """Return the report as JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
