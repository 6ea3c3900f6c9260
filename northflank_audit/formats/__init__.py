"""The report's formats: one module and one line of `_ALL` each.

A format's module has a function `render` from a Report to text, or `pieces` to pieces of it. It is imported when it is
first used.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import msgspec

from northflank_audit.installed import EXTRAS, missing
from northflank_audit.report import Report

CsvDialect = Literal["rfc4180", "excel", "excel-semicolon"]
"""How CSV is written: for programs, or for Excel, whose separator depends on the computer's region."""


class Format(msgspec.Struct, frozen=True):
    """A form in which a report is written."""

    name: str
    """The name in `--format`."""
    filename: str
    """The file's name in the folder of reports."""
    module: str
    """The module in this folder that has its `render`, or `pieces` if it `is_streamed`."""
    what: str
    """What it is for, for a person."""
    by_default: bool = False
    """Whether a run writes it if it names no formats."""
    marked: bool = False
    """Whether it gets the texts of rules with their markup; otherwise they are plain."""

    needs_digest: bool = False
    """Whether it needs the digest of what was evaluated, and so a snapshot of what was fetched."""
    step_summary: bool = False
    """Whether a brief report is added to the step summary of the CI that the format is for."""
    commands: bool = False
    """Whether its lines are intentionally commands for a CI."""
    is_page: bool = False
    """Whether it is the page that is mailed, and kept if an audit saw nothing."""
    is_baseline: bool = False
    """Whether later audits can be compared with it."""
    is_streamed: bool = False
    """Whether it is written piece by piece, each of whole lines, so that it may be larger than memory."""
    is_binary: bool = False
    """Whether it is bytes, not text."""
    needs_extra: bool = False
    """Whether it needs the extra of its own name."""
    options: tuple[str, ...] = ()
    """The settings of a run that it depends on, by their names."""

    @property
    def is_json(self) -> bool:
        """Whether its texts are JSON, or one JSON value per line."""
        return self.filename.endswith(("json", "jsonl", "sarif"))

    def check(self) -> None:
        """Raise StartError if the extra that it needs is not installed."""
        if self.needs_extra and find_spec(EXTRAS[self.name]) is None:
            raise missing(f"--format {self.name}", self.name)

    def pieces(self, report: Report, **options: Any) -> Iterator[bytes]:
        """Yield its file's content. The same report gives the same bytes."""
        if not self.marked:
            report = import_module(f"{__name__}.ruletext").plainly(report)
        module = import_module(f"{__name__}.{self.module}")
        if self.is_streamed:
            for piece in module.pieces(report, **options):
                yield piece.encode()
        else:
            content = module.render(report, **options)
            yield content if self.is_binary else content.encode()

    def content(self, report: Report, **options: Any) -> bytes:
        """Return its file's content."""
        return b"".join(self.pieces(report, **options))

    def render(self, report: Report, **options: Any) -> str:
        """Return its text, unless it `is_binary`."""
        return self.content(report, **options).decode()


_ALL = (
    Format(
        "html",
        "report.html",
        "html",
        "one self-contained page to read, to send and to print",
        by_default=True,
        marked=True,
        is_page=True,
    ),
    Format("md", "report.md", "markdown", "Markdown to paste into a ticket", by_default=True, marked=True),
    Format(
        "json",
        "report.json",
        "jsonreport",
        "everything, for programs",
        by_default=True,
        marked=True,
        is_streamed=True,
        is_baseline=True,
    ),
    Format("sarif", "report.sarif", "sarif", "SARIF 2.1.0, for GitHub code scanning and other result viewers"),
    Format("junit", "report.junit.xml", "junit", "JUnit XML, for the test reports of Jenkins, GitLab and other CI"),
    Format(
        "csv",
        "report.csv",
        "csvtable",
        "one result per row, for spreadsheets",
        is_streamed=True,
        options=("csv_dialect",),
    ),
    Format(
        "xlsx",
        "report.xlsx",
        "workbook",
        "an Excel workbook of findings, controls, coverage and waivers (an extra)",
        is_binary=True,
        needs_extra=True,
    ),
    Format("jsonl", "report.jsonl", "jsonlines", "one result per line, for log pipelines", is_streamed=True),
    Format("ocsf", "report.ocsf.json", "ocsf", "Compliance Findings of the Open Cybersecurity Schema Framework"),
    Format(
        "github",
        "report.github.txt",
        "github",
        "annotations of GitHub Actions, to print to standard output",
        step_summary=True,
        commands=True,
    ),
    Format("gitlab", "report.gitlab.json", "gitlab", "GitLab code quality, for its merge requests and pipelines"),
    Format(
        "attestation",
        "report.intoto.json",
        "attestation",
        "an in-toto statement about what was evaluated, to sign",
        needs_digest=True,
    ),
)

FORMATS: dict[str, Format] = {each.name: each for each in _ALL}
"""Every format, by its name."""
BY_DEFAULT = tuple(each.name for each in _ALL if each.by_default)
"""The formats that a run writes if it names none."""
PAGE = next(each for each in _ALL if each.is_page)
"""The format that is mailed."""
BASELINE = next(each for each in _ALL if each.is_baseline)
"""The format that later audits can be compared with."""
