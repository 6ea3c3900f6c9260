import csv
import datetime as dt
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.formats.csvtable import COLUMNS, cell
from northflank_audit.gate import Gate
from northflank_audit.model import Severity
from northflank_audit.printable import printable
from tests.formats.conftest import result


def table(report):
    return list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report), newline=""), strict=True))


def shown(report, *columns):
    return [tuple(row[column] for column in columns) for row in table(report)]


def test_the_whole_table(report):
    assert FORMATS["csv"].render(report) == (
        '"run","finished","complete","rule","title","severity","status","state","became","waived_until","waiver_owner",'
        '"waiver_reason","resource_type","resource_id","resource_name","team","message","evidence","controls",'
        '"fingerprint","outcome","counts","project","annotation_owner","annotation_due","annotation_overdue",'
        '"annotation_comment","annotation_incorrect","first_seen","last_seen"\r\n'
        '"0123456789abcdef","2026-11-24 06:00:02","true","unrestricted","Restricted to projects","high",'
        '"fail","","","","","","registry-credential","a","A","","a can be used by every project",'
        '"{""restrictions.restricted"":false}","soc2:CC6.1 soc2:CC6.3 own:1","6b5f95636588782c585bd8fbb1513038","violation","true","","","","","","","",""\r\n'
        '"0123456789abcdef","2026-11-24 06:00:02","true","unrestricted","Restricted to projects","high",'
        '"unknown","","","","","","registry-credential","c","C","","c could not be evaluated","",'
        '"soc2:CC6.1 soc2:CC6.3 own:1","4e49c1d969598959ac79ac2d194d63ce","unknown","true","","","","","","","",""\r\n'
        '"0123456789abcdef","2026-11-24 06:00:02","true","provider","Provider is allowed","low","fail","",'
        '"","2027-01-31","ops@example.com","Migrated in Q1","registry-credential","b","B","","b uses quay",'
        '"{""restrictions.restricted"":false}","soc2:CC6.3 soc2:CC9.2","3eed03fd3eecd452532346891dac77a0","waived","false","","","","","","","",""\r\n'
    )


@pytest.mark.parametrize(("dialect", "separator"), [("excel", ","), ("excel-semicolon", ";")])
def test_for_excel_a_mark_says_utf_8_and_the_region_chooses_the_separator(full, dialect, separator):
    content = FORMATS["csv"].content(full, csv_dialect=dialect)
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator, strict=True))
    assert read[0] == list(COLUMNS)
    assert read[1:] == [list(row.values()) for row in table(full)]
    assert not FORMATS["csv"].content(full).startswith(b"\xef\xbb\xbf")


def test_what_is_no_verdict_of_this_audit_has_no_status(full):
    assert shown(full, "rule", "resource_id", "team", "status", "state", "became") == [
        ("unrestricted", "a", "", "fail", "new", ""),
        ("unrestricted", "c", "", "unknown", "", ""),
        ("provider", "b", "", "fail", "new", ""),
        ("provider", "t", "payments", "pass", "", ""),
        ("unrestricted", "y", "", "", "resolved", "fixed"),
        ("unrestricted", "z", "", "", "resolved", "gone"),
        ("unrestricted", "c", "", "", "unsettled", "unknown"),
        ("former", "z", "", "", "unsettled", "unasked"),
    ]


def test_a_row_says_what_it_amounts_to_and_whether_it_counts_for_the_exit_code(full, incomplete):
    assert shown(full, "resource_id", "status", "outcome", "counts") == [
        ("a", "fail", "violation", "true"),
        ("c", "unknown", "unknown", "true"),
        ("b", "fail", "waived", "false"),
        ("t", "pass", "pass", "false"),
        ("y", "", "resolved", "false"),
        ("z", "", "resolved", "false"),
        ("c", "", "unsettled", "false"),
        ("z", "", "unsettled", "false"),
    ]
    assert sum(row["outcome"] == "violation" for row in table(full)) == full.summary.fail
    lax = replace(full, gate=Gate(Severity.CRITICAL, "ignore"))
    assert {row["counts"] for row in table(lax)} == {"false"}
    assert [row["outcome"] for row in table(lax)] == [row["outcome"] for row in table(full)]
    assert shown(incomplete, "outcome", "counts")[0] == ("incomplete", "true")


def test_a_name_of_blanks_gives_way_to_the_id(report):
    for name in (None, "", " \t\u3000"):
        each = replace(result(), resource=replace(result().resource, name=name))
        assert shown(replace(report, results=[each]), "resource_name") == [("a",)]


def test_a_time_is_utc_and_one_that_spreadsheets_know(report):
    away = dt.timezone(dt.timedelta(hours=5))
    run = replace(report.run, finished_at=report.run.finished_at.astimezone(away))
    assert {row["finished"] for row in table(replace(report, run=run))} == {"2026-11-24 06:00:02"}


def test_no_cell_is_longer_than_excels(report):
    """Excel counts in UTF-16, and what is longer it spills into the next row."""
    for letter in ("x", '"', "\U0001f511", "=;"):
        long = letter * 40_000
        each = result(message=long, evidence={"name": long})
        rows = table(replace(report, results=[replace(each, resource=replace(each.resource, name=long))]))
        for row in rows:
            assert max(len(value.encode("utf-16-le")) for value in row.values()) <= 2 * 32_767
        (row,) = rows
        assert row["message"].endswith("… (cut; the JSON report has all of it)")
        assert "characters, only in the JSON report" in json.loads(row["evidence"])
    fits = "x" * 32_767
    assert table(replace(report, results=[result(message=fits)]))[0]["message"] == fits


def test_an_incomplete_audit_shows_in_every_row_and_has_a_row_for_each_reason(incomplete):
    assert shown(incomplete, "complete", "status", "message") == [
        ("false", "incomplete", "page 2: 403 Forbidden"),
        ("false", "incomplete", "1 verdict is unknown"),
        ("false", "fail", "a can be used by every project"),
        ("false", "unknown", "c could not be evaluated"),
        ("false", "fail", "b uses quay"),
    ]


def test_a_table_is_empty_only_where_the_audit_is_complete(clean, incomplete):
    assert table(clean) == []
    for run in (incomplete.run, replace(incomplete.run, incomplete_reasons=[])):
        assert [row["status"] for row in table(replace(clean, run=run))][:1] == ["incomplete"]


def test_hostile_text_stays_in_its_cell(hostile):
    text = FORMATS["csv"].render(hostile)
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == len(text.split("\r\n")) - 1 == 8
    assert printable(text.replace("\r\n", "")) == text.replace("\r\n", "")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain – 100% (ok)", "plain – 100% (ok)"),
        ("a=1, b-2", "a=1, b-2"),
        ("=1+2", "'=1+2"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r\n=1", "' =1"),
        (" \u00a0=1", "' \u00a0=1"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("“=1", "'“=1"),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠x", "'＠x"),
        ("\u200b=1", "'\u200b=1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ('a"; -1;+2', "a\";' -1;'+2"),
        ("a; b", "a; b"),
    ],
)
def test_no_cell_is_a_formula(text, written):
    assert cell(text) == written


@given(st.text(st.sampled_from("=+-@;,\"' \t\r\nax＝\u200b")))
def test_no_cell_begins_as_a_formula_whatever_separates_cells(text):
    for part in cell(text).split(";"):
        assert part.strip(' "\u200b')[:1] not in {*"=+-@＝"}


def test_formulas_are_taken_apart_in_every_column(report):
    text = "=HYPERLINK(1)"
    each = result(resource=text, message=text, evidence={}, fingerprint="f")
    poisoned = replace(
        report,
        rules=[replace(rule, title=text, controls={text: ["1"]}) for rule in report.rules],
        results=[replace(each, resource=replace(each.resource, name=text, team=text))],
        run=replace(report.run, complete=False, incomplete_reasons=[text]),
    )
    values = [value for row in table(poisoned) for value in row.values()]
    assert values.count("'" + text) == 5
    assert values.count(f"'{text}/{text}") == 1  # without a name, the label
    assert not any(value.startswith("=") for value in values)
