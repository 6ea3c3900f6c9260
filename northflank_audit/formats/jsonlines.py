"""The report as JSON lines, for log pipelines: the results of the JSON report, a line each (jsonlines.org).

Each line says of which run it is and whether that audit was complete, what it amounts to (`outcome`), and whether it
counts for the exit code (`counts`), so that it stands alone.
"""

from typing import Any

import msgspec

from northflank_audit.formats.entries import Entry, entries
from northflank_audit.report import Report


def render(report: Report) -> str:
    """Return the report as JSON lines; nothing where the audit is complete and there is no result."""
    run = {"id": report.run.id, "finishedAt": report.run.finished_at, "complete": report.run.complete}
    encoder = msgspec.json.Encoder()
    return "".join(encoder.encode({"run": run, **_line(each)}).decode() + "\n" for each in entries(report))


def _line(entry: Entry) -> dict[str, Any]:
    weight = {"outcome": entry.outcome, "counts": entry.counts}
    if entry.result is None:
        about = {} if entry.rule is None else {"ruleId": entry.rule.id}
        return {**about, "status": entry.status, "message": entry.message, **weight}
    state = {} if entry.state is None else {"state": entry.state}
    return {**msgspec.to_builtins(entry.result), "status": entry.status, **state, **weight}
