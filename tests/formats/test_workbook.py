"""The report as a workbook, read back by openpyxl and opened by LibreOffice."""

import csv
import datetime as dt
import io
import re
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import openpyxl
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from northflank_audit.audit.deliver import channels
from northflank_audit.cli.app import cli
from northflank_audit.errors import StartError
from northflank_audit.formats import FORMATS, workbook
from northflank_audit.formats.csvtable import COLUMNS
from northflank_audit.model import ResourceName
from northflank_audit.printable import printable
from northflank_audit.report import TypeCoverage, Waivers
from tests.conftest import AUDIT, NET, needed
from tests.formats.conftest import HOSTILE, WAIVER, crowd, poisoned, result
from tests.unpacked import unpacked

SHEETS = ["Findings", "Controls", "Coverage", "Waivers"]


def book(report):
    return openpyxl.load_workbook(io.BytesIO(FORMATS["xlsx"].content(report)))


def table(sheet):
    """Return a sheet's rows as dicts by heading; what is empty is empty text."""
    heading, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(heading, ["" if cell is None else cell for cell in row], strict=True)) for row in rows]


@pytest.mark.parametrize("which", ["report", "full", "clean", "incomplete", "hostile"])
def test_every_sheet_has_a_heading_that_stays_filters_and_widths(which, request):
    made = book(request.getfixturevalue(which))
    assert made.sheetnames == SHEETS
    for sheet in made:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        widths = [(each.width, each.max - each.min + 1) for each in sheet.column_dimensions.values()]
        assert min(width for width, _ in widths) >= 12
        assert sum(columns for _, columns in widths) == sheet.max_column


def test_findings_are_those_of_the_csv_report_with_the_reader_in_mind(full):
    rows = table(book(full)["Findings"])
    ours = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(full), newline="")))
    assert len(rows) == len(ours) == 8
    for row, each in zip(rows, ours, strict=True):
        for name in COLUMNS:
            if name not in ("run", "finished", "complete", "waived_until"):
                assert row[name.replace("_", " ").capitalize()] == each[name]
    assert list(rows[0])[:4] == ["Severity", "Outcome", "State", "Finding"]
    assert rows[2]["Waived until"] == dt.datetime(2027, 1, 31)  # noqa: DTZ001 - a cell's
    assert rows[0]["Finding"] == "Restricted to projects"


def test_a_violation_has_what_is_wrong_and_a_waived_one_what_should_be_so(report):
    rules = [replace(rule, finding=f"`{rule.id}` is wrong") for rule in report.rules]
    rows = table(book(replace(report, rules=rules))["Findings"])
    assert [row["Finding"] for row in rows] == [
        "unrestricted is wrong",
        "Restricted to projects",
        "Provider is allowed",
    ]


def test_links_lead_to_the_console_and_to_references_alone(report):
    resource = ResourceName("service", "s", "https://evil.example", None, "p", url="https://app.northflank.com/s/p/s")
    shown = replace(result(), resource=resource, message="see https://evil.example, mailto:a@b.example")
    sheet = book(replace(report, results=[shown]))["Findings"]
    links = {cell.value: cell.hyperlink.target for row in sheet for cell in row if cell.hyperlink}
    assert links == {
        "https://evil.example": "https://app.northflank.com/s/p/s",  # a name, as the cell shows it
        "https://example.com/docs": "https://example.com/docs",
        "https://example.com/more": "https://example.com/more",
    }


def test_what_is_no_address_is_text(report):
    for reference in (
        "javascript:alert(1)",
        "internal:'Waivers'!A1",
        "external:c:\\x.exe",
        "https://x.example/" + "y" * 3000,
    ):
        rules = [replace(rule, references=[reference]) for rule in report.rules]
        sheet = book(replace(report, rules=rules))["Findings"]
        assert not [cell for row in sheet for cell in row if cell.hyperlink]
        assert [row["Reference"] for row in table(sheet)] == [reference] * 3


def test_beyond_what_a_sheet_takes_links_become_text_and_findings_are_counted(report, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_LINKS", 3)
    monkeypatch.setattr(workbook, "MOST_ROWS", 5)
    sheet = book(crowd(report, 9))["Findings"]
    assert sum(cell.hyperlink is not None for row in sheet for cell in row) == 3
    rows = table(sheet)
    assert len(rows) == 6
    assert "the first 5 findings" in rows[-1]["Finding"]
    assert rows[-1]["Outcome"] == "incomplete"


@pytest.mark.parametrize(
    "text", ["=1+2", "+1", "-1", "@SUM(A1)", "{=1}", "0123", "1e5", "TRUE", "http://x.example", "_x0041_", " =1"]
)
def test_nothing_that_others_wrote_is_a_formula_a_number_or_a_link(report, text):
    made = poisoned(report, text)
    content = FORMATS["xlsx"].content(made)
    assert b"<f>" not in unpacked(content)
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Findings"]
    cells = [cell for row in sheet for cell in row if cell.value == text]
    assert len(cells) >= 9
    assert {cell.data_type for cell in cells} == {"s"}


def test_hostile_text_is_printable_text(hostile):
    values = [cell.value for sheet in book(hostile) for row in sheet for cell in row if isinstance(cell.value, str)]
    assert printable(HOSTILE) in " ".join(values)
    assert all(printable(value) == value for value in values)


def test_no_cell_is_longer_than_excels_and_those_that_were_cut_say_so(report):
    for letter in ("x", "\U0001f511", "_x0041_"):
        long = letter * 40_000
        made = replace(report, results=[result(message=long, evidence={"name": long})], warnings=[long])
        made = replace(made, run=replace(report.run, complete=False, incomplete_reasons=[long, long]))
        values = [cell.value for sheet in book(made) for row in sheet for cell in row if isinstance(cell.value, str)]
        assert max(len(value.encode("utf-16-le")) for value in values) <= 2 * 32_767
        assert sum(value.endswith("… (cut; the JSON report has all of it)") for value in values) == 4


def test_an_incomplete_audit_says_so_on_the_findings_and_on_the_coverage(incomplete, report):
    rows = table(book(incomplete)["Findings"])
    assert [(row["Outcome"], row["Message"]) for row in rows[:2]] == [
        ("incomplete", "page 2: 403 Forbidden"),
        ("incomplete", "1 verdict is unknown"),
    ]
    (whole, *_) = table(book(incomplete)["Coverage"])
    assert (whole["Complete"], whole["Missing"]) == ("no", "page 2: 403 Forbidden; 1 verdict is unknown")
    assert book(incomplete).properties.title.endswith("INCOMPLETE")
    assert table(book(report)["Coverage"])[0]["Complete"] == "yes"


def test_coverage_has_a_row_for_each_type_and_what_the_api_does_not_show(report):
    types = [
        TypeCoverage(type="addon", resources=12, details=7, requests=9, silent=["a", "b"]),
        TypeCoverage(type="volume", resources=3, requests=1, complete=False, missing=["403 Forbidden"]),
        TypeCoverage(type="project", in_scope=False, scope="takes an organisation's token"),
    ]
    coverage = replace(report.coverage, types=types, not_visible=["sessions: how long they last"])
    _, *rows = table(book(replace(report, coverage=coverage))["Coverage"])
    names = ("Type", "Resources", "Details", "Requests", "Complete", "Scope", "Missing", "Fields never seen")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("addons", 12, 7, 9, "yes", "in scope", "", "a, b"),
        ("volumes", 3, 0, 1, "no", "in scope", "403 Forbidden", ""),
        ("projects", 0, 0, 0, "not requested", "not in scope: takes an organisation's token", "", ""),
        ("not visible through the API", "", "", "", "", "", "sessions: how long they last", ""),
    ]
    assert {row["Run"] for row in rows} == {"0123456789abcdef"}
    assert rows[0]["Finished (UTC)"] == dt.datetime(2026, 11, 24, 6, 0, 2)  # noqa: DTZ001 - a cell's


def test_controls_have_their_verdicts_and_their_rules(report):
    rows = table(book(report)["Controls"])
    assert [(row["Framework"], row["Control"], row["Verdict"], row["Rules"]) for row in rows] == [
        ("SOC 2", "CC6.1", "not met", "unrestricted"),
        ("SOC 2", "CC6.3", "not met", "provider, unrestricted"),
        ("SOC 2", "CC9.2", "waived", "provider"),
        ("own", "1", "not met", "unrestricted"),
    ]
    assert (rows[1]["Pass"], rows[1]["Fail"], rows[1]["Waived"]) == (2, 1, 1)


def test_waivers_in_force_expired_and_unused(report):
    odd = replace(WAIVER, rule="*", team=None, project="shop", type="addon", expires=dt.date(1066, 10, 14))
    rows = table(book(replace(report, waivers=Waivers([odd], [WAIVER])))["Waivers"])
    assert [(row["Status"], row["Rule"], row["Team"], row["Project"], row["Findings"]) for row in rows] == [
        ("in force", "provider", "any", "any", 1),
        ("expired", "*", "the token's own account", "shop", 0),
        ("unused", "provider", "any", "any", 0),
    ]
    assert rows[0]["Expires"] == dt.datetime(2027, 1, 31)  # noqa: DTZ001 - a cell's
    assert rows[1]["Expires"] == "1066-10-14"  # before the calendar of Excel


def test_the_same_report_gives_the_same_bytes_whenever_it_is_written(full, monkeypatch):
    first = FORMATS["xlsx"].content(full)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert FORMATS["xlsx"].content(full) == first
    created = re.search(r"<dcterms:created[^>]*>([^<]*)", unpacked(first).decode())[1]
    assert created == "2026-11-24T06:00:02Z"


def test_without_its_package_nothing_is_fetched_and_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("northflank_audit.formats.find_spec", lambda _name: None)
    monkeypatch.setattr("northflank_audit.audit.runner.opened", lambda *_: 1 / 0)
    for wanted in (("--format", "xlsx"), ("--format", "none", "--output", "xlsx=x.xlsx")):
        done = CliRunner().invoke(cli, ["run", "--demo", *wanted], standalone_mode=False)
        assert done.exception.exit_code == 2
        assert str(done.exception) == "--format xlsx needs the extra 'xlsx': pip install 'xlsxwriter'"
    assert CliRunner().invoke(cli, ["formats"]).exit_code == 0
    assert not list(tmp_path.iterdir())


def test_it_is_not_printed_on_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(StartError, match="standard output is a terminal"):
        channels(SimpleNamespace(formats=(), output=(("xlsx", "-"),)))


def test_a_real_one_is_opened_by_libreoffice(tmp_path):
    office = needed("soffice")
    command = [sys.executable, str(AUDIT), "--demo", "--rules", "pack:default", "--quiet", "--format", "csv"]
    done = subprocess.run([*command, "--output", "xlsx=-"], cwd=tmp_path, capture_output=True, timeout=NET, check=False)
    assert (done.returncode, zipfile.is_zipfile(io.BytesIO(done.stdout))) == (1, True)
    (tmp_path / "r.xlsx").write_bytes(done.stdout)
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    opened = [office, profile, "--headless", "--convert-to", every_sheet, "--outdir", str(tmp_path / "seen"), "r.xlsx"]
    subprocess.run(opened, cwd=tmp_path, capture_output=True, timeout=NET, check=True)
    files = {name: tmp_path / f"seen/r-{name}.csv" for name in SHEETS} | {"ours": tmp_path / "reports/report.csv"}
    seen = {name: list(csv.reader(io.StringIO(file.read_text("utf-8"), newline=""))) for name, file in files.items()}
    ours = seen["ours"]
    fingerprint = seen["Findings"][0].index("Fingerprint")
    assert [row[fingerprint] for row in seen["Findings"][1:]] == [row[ours[0].index("fingerprint")] for row in ours[1:]]
    assert seen["Coverage"][1][:5] == ["the whole audit", "61", "36", "37", "yes"]
