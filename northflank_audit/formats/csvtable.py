"""The report as CSV (RFC 4180, UTF-8), for spreadsheets: a result a row.

A spreadsheet takes a cell that begins like a formula for one, whoever wrote it. Such a cell gets an apostrophe before
it, which makes it text (OWASP, CSV Injection).
"""

import csv
import io
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from msgspec import UNSET

from northflank_audit.formats.entries import Entry, entries
from northflank_audit.formats.text import as_json
from northflank_audit.printable import printable
from northflank_audit.report import Report, RuleSummary

COLUMNS: Final = (
    "run",
    "finished",
    "complete",
    "rule",
    "title",
    "severity",
    "status",
    "state",
    "became",
    "waived_until",
    "waiver_owner",
    "waiver_reason",
    "resource_type",
    "resource_id",
    "resource_name",
    "team",
    "message",
    "evidence",
    "controls",
    "fingerprint",
)

# Signs also as other scripts write them, and behind blanks and quotes, which some programs take away. Where the list
# separator is a semicolon, as in much of Europe, a spreadsheet begins a cell after each, even between quotes.
_FORMULA: Final = re.compile(
    "(^|;)([\\s\u200b-\u200d\u2060\"'`\u2018-\u201f\uff02\uff07]*[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212])"
)


def render(report: Report) -> str:
    """Return the report as CSV; a header alone where the audit is complete and there is no result."""
    rules = {rule.id: rule for rule in report.rules}
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    run = [report.run.id, report.run.finished_at.isoformat(), str(report.run.complete).lower()]
    for entry in entries(report):
        table.writerow(map(cell, [*run, *_row(entry, rules)]))
    return text.getvalue()


@lru_cache(maxsize=1024)  # most cells of a row are those of the row before
def cell(text: str) -> str:
    """Return text as a cell that no spreadsheet takes for a formula, on one line."""
    return _FORMULA.sub(r"\1'\2", printable(text))


def _row(entry: Entry, rules: dict[str, RuleSummary]) -> Iterator[str]:
    result, status, state = entry.result, entry.status or "", entry.state or ""
    if result is None:
        yield from ("", "", "", status, *[""] * 9, entry.message, "", "", "")
        return
    rule, waiver, resource = rules.get(result.rule_id), result.waiver, result.resource
    yield from (result.rule_id, rule.title if rule else "", result.severity, status, state)
    yield "" if result.became is UNSET else result.became
    yield from (waiver.expires.isoformat(), waiver.owner, waiver.reason) if waiver else ("", "", "")
    yield from (resource.type, resource.id, resource.name or "", resource.team or "", entry.message)
    yield as_json(result.evidence) if result.evidence else ""
    controls = rule.controls if rule else {}
    yield " ".join(f"{framework}:{control}" for framework, ids in controls.items() for control in ids)
    yield result.fingerprint
