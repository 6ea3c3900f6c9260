"""The report as JSON Lines (jsonlines.org): one result per line.

Each line stands alone: it names its run, and says whether that audit was complete, what the line is (`outcome`), and
whether it counts for the exit code (`counts`).
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from northflank_audit.formats.entries import Entry, entries
from northflank_audit.report import Report


def pieces(report: Report) -> Iterator[str]:
    """Yield the report's lines; none if the audit is complete and has no result."""
    run = {"id": report.run.id, "finishedAt": report.run.finished_at, "complete": report.run.complete}
    encoder = msgspec.json.Encoder()
    for each in entries(report):
        yield encoder.encode({"run": run, **_line(each)}).decode() + "\n"


def _line(entry: Entry) -> dict[str, Any]:
    weight = {"outcome": entry.outcome, "counts": entry.counts}
    if entry.result is None:
        about = {} if entry.rule is None else {"ruleId": entry.rule.id}
        return {**about, "status": entry.status, "message": entry.message, **weight}
    state = {} if entry.state is None else {"state": entry.state}
    return {**msgspec.to_builtins(entry.result), "status": entry.status, **state, **weight}
