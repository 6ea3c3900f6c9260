"""The report as an Excel workbook: findings, controls, coverage, waivers.

Outside text is always written as text, never as a formula or a link. Links lead to the console and to references of
rules. Limits are Excel's ("Excel specifications and limits").
"""

import datetime as dt
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Final, NamedTuple

import xlsxwriter
from msgspec import UNSET
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from northflank_audit.formats.csvtable import COLUMNS, fitting, rows
from northflank_audit.formats.entries import INCOMPLETE, Entry
from northflank_audit.formats.headline import headline, outcome
from northflank_audit.formats.link import address
from northflank_audit.formats.policyview import VERDICTS
from northflank_audit.formats.text import STATUSES, reasons, type_names
from northflank_audit.model import OWN_ACCOUNT
from northflank_audit.printable import printable
from northflank_audit.remarks import Waiver
from northflank_audit.report import Report, RuleSummary

MOST_ROWS: Final = 50_000
"""Findings of a sheet. Excel accepts twenty times as many; this many take about 10 s and 400 MB to write."""
MOST_LINKS: Final = 65_530
"""Links of a sheet."""
LONGEST_LINK: Final = 2_000
"""Characters of a link; Excel accepts 2,079."""
FIRST_COLUMNS: Final = (
    "severity",
    "outcome",
    "state",
    "finding",
    "resource_name",
    "team",
    "project",
    "message",
    "rule",
)
"""The first columns of findings, which are printed. The others follow in the order of the CSV report."""
OF_RUN: Final = ("run", "finished", "complete")
"""The columns of the CSV report that are on the sheet about the run."""
REFERENCES: Final = ("reference", "reference_2", "reference_3")
WRAPPED: Final = {
    "finding": 44,
    "message": 60,
    "resource name": 28,
    "missing": 60,
    "reason": 60,
    "rules": 60,
    "scope": 28,
}
"""Widths of columns whose lines wrap, by their headings, in characters."""
WIDTHS: Final = {"evidence": 40, "fingerprint": 36, "reference": 32, "project": 20, "rule": 40, "title": 44, "type": 24}
"""Widths of other columns; the rest are as wide as their heading, and no narrower than 12."""
BADGES: Final = ("severity", "outcome")
"""The headings of columns with coloured values."""
MOST_LINES: Final = 10
"""Lines of a cell that are in view at most."""
LINE: Final = 15
"""Height of a line, in points."""
FIRST_YEAR: Final = 1900
"""The first year of Excel's calendar."""
COLOURS: Final = {
    "critical": ("#9F1239", "#FCE8EC"),
    "high": ("#B8400B", "#FDEBDF"),
    "medium": ("#876000", "#FBF2D5"),
    "low": ("#22609F", "#E6F0FA"),
    INCOMPLETE: ("#8A5200", "#FDF5E6"),
}
"""Text and background colours, as on the page."""


class Link(NamedTuple):
    """A cell with a link."""

    text: str
    url: str | None


Cell = str | int | dt.date | Link | None
Row = Iterable[Cell]


class Sheet(NamedTuple):
    """A sheet of a workbook."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Row]
    printed: int = 0
    """How many of the first columns are printed; 0: all."""


def render(report: Report) -> bytes:
    """Return the report as a workbook. The same report gives the same bytes."""
    finished = _without_zone(report.run.finished_at)
    properties = {"subject": printable(headline(report))[:255], "comments": printable(f"run {report.run.id}")[:255]}
    sheets = [
        Sheet("Findings", *_findings(report), printed=len(FIRST_COLUMNS)),
        Sheet("Controls", *_controls(report)),
        Sheet("Coverage", *_coverage(report, finished)),
        Sheet("Waivers", *_waivers(report)),
    ]
    title = f"Northflank audit, {finished:%Y-%m-%d %H:%M} UTC: {outcome(report)}"
    return workbook(title, report.run.finished_at, sheets, properties)


def workbook(
    title: str, created: dt.datetime, sheets: Iterable[Sheet], properties: Mapping[str, str] | None = None
) -> bytes:
    """Return a workbook: what is text stays text, whatever it looks like. The same input gives the same bytes."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(stream, options) as book:
        book.set_properties({"title": title, **(properties or {}), "created": _without_zone(created)})
        writer = _Sheets(book, title)
        for sheet in sheets:
            writer.add(sheet.name, sheet.headings, sheet.rows, sheet.printed)
    return stream.getvalue()


def _without_zone(time: dt.datetime) -> dt.datetime:
    return time.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None)


class _Sheets:
    """Adds sheets to a workbook: a heading that stays in view, filters, widths, and rows of cells."""

    def __init__(self, book: Workbook, title: str) -> None:
        self._book, self._title = book, title.replace("&", "&&")
        self._heading = book.add_format({"bold": True, "bg_color": "#ECEEF1", "bottom": 1, "valign": "top"})
        self._text = book.add_format({"valign": "top"})
        self._wrapped = book.add_format({"valign": "top", "text_wrap": True})
        self._date = book.add_format({"valign": "top", "num_format": "yyyy-mm-dd"})
        self._time = book.add_format({"valign": "top", "num_format": "yyyy-mm-dd hh:mm:ss"})
        self._link = book.add_format({"valign": "top", "font_color": "#1A56B0", "underline": 1})
        self._badges = {
            text: book.add_format({"valign": "top", "bold": True, "font_color": ink, "bg_color": ground})
            for text, (ink, ground) in COLOURS.items()
        }

    def add(self, name: str, headings: Sequence[str], cells: Iterable[Row], printed: int = 0) -> None:
        """Add a sheet; its first columns are printed; if 0, all."""
        sheet = self._book.add_worksheet(name)
        for column, heading in enumerate(headings):
            width = (WRAPPED | WIDTHS).get(heading) or max(12, len(heading) + 3)
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, heading[:1].upper() + heading[1:], self._heading)
        last = links = 0
        for last, row in enumerate(cells, 1):
            lines = 1
            for column, cell in enumerate(row):
                linked = links < MOST_LINKS and self._linked(sheet, last, column, cell)
                links += linked
                if not linked:
                    lines = max(lines, self._write(sheet, last, column, cell, headings[column]))
            if lines > 1:  # LibreOffice does not adapt the height of rows
                sheet.set_row(last, LINE * min(lines, MOST_LINES))
        sheet.autofilter(0, 0, last, len(headings) - 1)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.print_area(0, 0, last, (printed or len(headings)) - 1)
        sheet.set_header(f"&L{self._title}&R&A")
        sheet.set_footer("&R&P / &N")

    def _linked(self, sheet: Worksheet, row: int, column: int, cell: Cell) -> bool:
        """Write a cell with a link; return False for another cell."""
        if not isinstance(cell, Link) or cell.url is None or len(cell.url) > LONGEST_LINK:
            return False
        sheet.write_url(row, column, cell.url, self._link, fitting(printable(cell.text)))
        return True

    def _write(self, sheet: Worksheet, row: int, column: int, cell: Cell, heading: str) -> int:
        """Write a cell, and return its number of lines."""
        value = cell.text if isinstance(cell, Link) else cell
        if isinstance(value, int):
            sheet.write_number(row, column, value, self._text)
        elif isinstance(value, dt.date) and value.year >= FIRST_YEAR:
            sheet.write_datetime(row, column, value, self._time if isinstance(value, dt.datetime) else self._date)
        elif value not in (None, ""):
            text = fitting(printable(str(value)))
            badge = self._badges.get(text) if heading in BADGES else None
            sheet.write_string(row, column, text, badge or (self._wrapped if heading in WRAPPED else self._text))
            return -(-len(text) // WRAPPED[heading]) if heading in WRAPPED else 1
        return 1


def _findings(report: Report) -> tuple[list[str], Iterator[Row]]:
    rest = [name for name in COLUMNS if name not in (*FIRST_COLUMNS, *OF_RUN)]
    names = [*FIRST_COLUMNS, *rest, *REFERENCES]
    rules = {rule.id: rule for rule in report.rules}
    every = list(islice(rows(report), MOST_ROWS + 1))

    def cells() -> Iterator[Row]:
        for entry, texts in every[:MOST_ROWS]:
            found = {**dict(zip(COLUMNS, texts, strict=True)), **_besides(entry, rules)}
            yield [found[name] for name in names]
        if len(every) > MOST_ROWS:
            text = f"This sheet has the first {MOST_ROWS} findings; all are in report.json and report.csv"
            yield [INCOMPLETE, INCOMPLETE, "", text]

    return [name.replace("_", " ") for name in names], cells()


def _besides(entry: Entry, rules: dict[str, RuleSummary]) -> dict[str, Cell]:
    """Return the cells of a finding that differ from the text of the CSV report."""
    result = entry.result
    if result is None:
        return {"finding": entry.rule.title if entry.rule else "", **dict.fromkeys(REFERENCES)}
    rule = rules.get(result.rule_id)
    links: list[Cell] = [Link(each, address(each)) for each in rule.references] if rule else []
    resource = result.resource
    console = None if resource.url is UNSET else address(resource.url)
    besides: dict[str, Cell] = {
        "finding": (rule.heading if entry.outcome == "violation" else rule.title) if rule else "",
        **dict(zip_longest(REFERENCES, links[: len(REFERENCES)])),
    }
    if result.waiver is not None:
        besides["waived_until"] = result.waiver.expires
    if console is not None:
        besides["resource_name"] = Link(resource.title or resource.id or "", console)
    return besides


def _controls(report: Report) -> tuple[list[str], Iterator[Row]]:
    headings = ["framework", "control", "verdict", "rules", *STATUSES.values(), "reason"]

    def cells() -> Iterator[Row]:
        for framework in report.compliance:
            for control in framework.controls:
                counts = [control.counts.get(name, 0) for name in STATUSES]
                yield [framework.title, control.id, VERDICTS[control.verdict], ", ".join(control.rules), *counts, ""]
            for missing in framework.not_covered:
                yield [framework.title, missing.id, "not covered", "", *[None] * len(STATUSES), missing.reason]

    return headings, cells()


def _coverage(report: Report, finished: dt.datetime) -> tuple[list[str], Iterator[Row]]:
    """Return the coverage: the total in the first row, then by type, and what the API does not show."""
    headings = ["type", "resources", "details", "requests", "complete", "scope", "missing", "fields never seen"]
    headings += ["run", "finished (UTC)"]
    coverage = report.coverage
    of_run: list[Cell] = [report.run.id, finished]

    def cells() -> Iterator[Row]:
        complete = "yes" if report.run.complete else "no"
        counts = [coverage.resources, coverage.details, coverage.requests]
        yield ["the whole audit", *counts, complete, "", "; ".join(reasons(report)), "", *of_run]
        for each in coverage.types:
            complete = ("yes" if each.complete else "no") if each.in_scope else "not requested"
            scope = "in scope" if each.in_scope else f"not in scope: {each.scope}".removesuffix(": ")
            counts = [each.resources, each.details, each.requests]
            lists = ["; ".join(each.missing), ", ".join(each.silent)]
            yield [type_names(each.type).plural, *counts, complete, scope, *lists, *of_run]
        for fact in coverage.not_visible:
            yield ["not visible through the API", None, None, None, "", "", fact, "", *of_run]

    return headings, cells()


def _waivers(report: Report) -> tuple[list[str], Iterator[Row]]:
    headings = ["status", "rule", "resource", "team", "project", "type", "reason", "owner", "expires", "findings"]
    in_force = Counter(each.waiver for each in report.results if each.waiver is not None)

    def cells() -> Iterator[Row]:
        for waiver, count in in_force.items():
            yield _waiver("in force", waiver, count)
        for status, waivers in (("expired", report.waivers.expired), ("unused", report.waivers.unused)):
            for waiver in waivers:
                yield _waiver(status, waiver, 0)

    return headings, cells()


def _waiver(status: str, waiver: Waiver, findings: int) -> Row:
    team = "any" if waiver.team is UNSET else waiver.team or OWN_ACCOUNT
    project, kind = (("any" if value is UNSET else value) for value in (waiver.project, waiver.type))
    about = [waiver.rule, waiver.resource, team, project, kind, waiver.reason, waiver.owner]
    return [status, *about, waiver.expires, findings]
