"""The report's formats: one module each, and one line each in `FORMATS`.

A format's module has a function `render` from a Report to text. It is imported when it is first used.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from northflank_audit.errors import StartError
from northflank_audit.report import Report

CsvDialect = Literal["rfc4180", "excel", "excel-semicolon"]
"""How CSV is written: for programs, or for Excel, whose separator depends on the computer's region."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a report down."""

    name: str
    """As `--format` takes it."""
    filename: str
    """The file's name in the folder of reports."""
    module: str
    """The module here that has its `render`."""
    what: str
    """What it is for, for a person."""
    marked: bool = False
    """Whether it takes the texts of rules as they are written, with their markup; else they are plain."""

    needs_digest: bool = False
    """Whether it is about the digest of what was evaluated, so that a snapshot must be made of what was fetched."""
    step_summary: bool = False
    """Whether the report in brief is to go to the summary of the step of CI that it is for."""
    commands: bool = False
    """Whether its lines are commands to the CI that reads them, on purpose."""
    is_page: bool = False
    """Whether it is the page that is mailed, and that is kept where an audit saw nothing."""
    is_baseline: bool = False
    """Whether later audits can be compared with it."""
    is_binary: bool = False
    """Whether it is bytes, not text."""
    needs_package: str = ""
    """The package that it needs, from the extra of its own name."""
    options: tuple[str, ...] = ()
    """The settings of a run that it depends on, by their names."""

    @property
    def is_json(self) -> bool:
        """Whether its texts are JSON, or a JSON value a line."""
        return self.filename.endswith(("json", "jsonl", "sarif"))

    def check(self) -> None:
        """Raise StartError where the package that it needs is not installed."""
        if self.needs_package and find_spec(self.needs_package) is None:
            package = f"northflank-audit[{self.name}]"
            raise StartError(f"--format {self.name} needs the extra '{self.name}': pip install '{package}'")

    def content(self, report: Report, **options: Any) -> bytes:
        """Return what its file holds. The same report gives the same bytes."""
        if not self.is_binary:
            return self.render(report, **options).encode()
        content: bytes = self._written(report, options)
        return content

    def render(self, report: Report, **options: Any) -> str:
        """Write the report down as text, which `is_binary` excludes. The same report gives the same text."""
        text: str = self._written(report, options)
        return text

    def _written(self, report: Report, options: dict[str, Any]) -> Any:
        if not self.marked:
            report = import_module(f"{__name__}.ruletext").plainly(report)
        return import_module(f"{__name__}.{self.module}").render(report, **options)


_ALL = (
    Format(
        "html",
        "report.html",
        "html",
        "one self-contained page to read, to send and to print",
        marked=True,
        is_page=True,
    ),
    Format("md", "report.md", "markdown", "Markdown to paste into a ticket", marked=True),
    Format("json", "report.json", "jsonreport", "everything, for programs", marked=True, is_baseline=True),
    Format("sarif", "report.sarif", "sarif", "SARIF 2.1.0, for GitHub code scanning and other result viewers"),
    Format("junit", "report.junit.xml", "junit", "JUnit XML, for the test reports of Jenkins, GitLab and other CI"),
    Format("csv", "report.csv", "csvtable", "a result a row, for spreadsheets", options=("csv_dialect",)),
    Format(
        "xlsx",
        "report.xlsx",
        "workbook",
        "an Excel workbook of findings, controls, coverage and waivers (an extra)",
        is_binary=True,
        needs_package="xlsxwriter",
    ),
    Format("jsonl", "report.jsonl", "jsonlines", "a result a line, for log pipelines"),
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
        "an in-toto statement over what was judged, to sign",
        needs_digest=True,
    ),
)

FORMATS: dict[str, Format] = {each.name: each for each in _ALL}
"""Every format, by its name."""
PAGE = next(each for each in _ALL if each.is_page)
"""The format that is mailed."""
