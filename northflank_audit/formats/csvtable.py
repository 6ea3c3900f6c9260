"""The report as CSV (RFC 4180, UTF-8): one result per row.

The dialects for Excel open there without an import.

Excel reads UTF-8 only after a byte order mark, and splits a row at the list separator of the computer's region. A first
line `sep=;` would name the separator, and make Excel forget the mark.

A spreadsheet runs a cell that begins like a formula, whoever wrote it. Such a cell is prefixed with an apostrophe,
which makes it text (OWASP, CSV Injection). Times are UTC, in a form that every spreadsheet reads as a date, and no cell
is longer than Excel allows.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from msgspec import UNSET

from northflank_audit.formats import CsvDialect
from northflank_audit.formats.entries import Entry, entries
from northflank_audit.formats.text import as_json, label
from northflank_audit.model import Result
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
    "outcome",
    "counts",
    "project",
    "annotation_owner",
    "annotation_due",
    "annotation_overdue",
    "annotation_comment",
    "annotation_incorrect",
    "first_seen",
    "last_seen",
)
LONGEST_CELL: Final = 32_767
"""Characters of a cell, as Excel counts them (in UTF-16); longer text spills into the next row.

Source: Microsoft's "Excel specifications and limits"."""
_CUT: Final = "… (cut; the JSON report has all of it)"

# Also the signs of other scripts, and after whitespace and quotes, which some programs remove. Where the list
# separator is a semicolon, as in much of Europe, a spreadsheet begins a cell after each, even between quotes.
_FORMULA: Final = re.compile(
    "(^|;)([\\s\u200b-\u200d\u2060\"'`\u2018-\u201f\uff02\uff07]*[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212])"
)


def pieces(report: Report, csv_dialect: CsvDialect = "rfc4180") -> Iterator[str]:
    """Yield the report's rows as CSV; only a header if the audit is complete and has no result."""
    text = io.StringIO()
    text.write("" if csv_dialect == "rfc4180" else "\ufeff")
    separator = ";" if csv_dialect == "excel-semicolon" else ","
    table = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for _, row in rows(report):
        table.writerow(map(cell, row))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def rows(report: Report) -> Iterator[tuple[Entry, list[str]]]:
    """Yield each entry with the texts of its cells, in the order of `COLUMNS`."""
    rules = {rule.id: rule for rule in report.rules}
    run = [report.run.id, _moment(report.run.finished_at), _truth(report.run.complete)]
    for entry in entries(report):
        yield entry, [*run, *_row(entry, rules)]


@lru_cache(maxsize=1024)  # most cells of a row equal those of the row before
def cell(text: str) -> str:
    """Return text as a cell, on one line, that no spreadsheet reads as a formula."""
    return fitting(_FORMULA.sub(r"\1'\2", printable(text)))


def fitting(text: str) -> str:
    """Return text that fits an Excel cell, and says so if it was cut."""
    return text if _fits(text) else _shortened(text)


def _fits(text: str) -> bool:
    return len(text) <= LONGEST_CELL and len(text.encode("utf-16-le")) <= 2 * LONGEST_CELL


def _shortened(text: str) -> str:
    room = 2 * (LONGEST_CELL - len(_CUT))
    return text[:LONGEST_CELL].encode("utf-16-le")[:room].decode("utf-16-le", errors="ignore") + _CUT


def _moment(when: dt.datetime) -> str:
    """Return a time in a form that spreadsheets read as one: `2026-11-24 06:00:02`, UTC."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _truth(value: bool) -> str:
    return str(value).lower()


def _evidence(result: Result) -> str:
    """Return the evidence as JSON; if it exceeds a cell, its size, because JSON that was cut is invalid."""
    if not result.evidence:
        return ""
    text = as_json(result.evidence)
    return text if _fits(text) else as_json(f"{len(text)} characters, only in the JSON report")


def _row(entry: Entry, rules: dict[str, RuleSummary]) -> Iterator[str]:
    result, status, state = entry.result, entry.status or "", entry.state or ""
    if result is None:
        about = ("", "", "") if entry.rule is None else (entry.rule.id, entry.rule.title, entry.rule.severity)
        yield from (*about, status, *[""] * 9, entry.message, "", "", "", entry.outcome, _truth(entry.counts))
        yield from [""] * 8
        return
    rule, waiver, resource = rules.get(result.rule_id), result.waiver, result.resource
    yield from (result.rule_id, rule.title if rule else "", result.severity, status, state)
    yield "" if result.became is UNSET else result.became
    yield from (waiver.expires.isoformat(), waiver.owner, waiver.reason) if waiver else ("", "", "")
    yield from (
        resource.type,
        resource.id or "",
        resource.title or label(resource),
        resource.team or "",
        entry.message,
    )
    yield _evidence(result)
    controls = rule.controls if rule else {}
    yield " ".join(f"{framework}:{control}" for framework, ids in controls.items() for control in ids)
    yield from (result.fingerprint, entry.outcome, _truth(entry.counts), resource.project or "")
    yield from _annotation(result)
    yield from ("" if time is UNSET else _moment(time) for time in (result.first_seen, result.last_seen))


def _annotation(result: Result) -> Iterator[str]:
    annotation = result.annotation
    if annotation is UNSET:
        yield from [""] * 5
        return
    due = "" if annotation.due is UNSET else annotation.due.isoformat()
    yield from (annotation.owner, due, _truth(result.overdue is True), annotation.comment)
    yield _truth(annotation.incorrect)
