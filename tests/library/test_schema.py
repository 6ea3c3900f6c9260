"""schemas/report.schema.json describes every report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from northflank_audit.cli.schemas import report as schema
from northflank_audit.formats import FORMATS
from northflank_audit.report import SCHEMA_VERSION
from tests.conftest import ROOT
from tests.formats.conftest import clean, full, hostile, incomplete, report, with_account

__all__ = ["clean", "full", "hostile", "incomplete", "report", "with_account"]


def problems(document):
    validator = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(document)]


@pytest.mark.parametrize("which", __all__)
def test_reports_fit_it(which, request):
    assert problems(json.loads(FORMATS["json"].render(request.getfixturevalue(which)))) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schemaVersion", "2.0"),
        ("exitCode", "1"),
        ("results", [{}]),
        ("run", {}),
        ("gate", {"failOn": "hgih"}),
        ("resolved", None),
    ],
)
def test_what_is_no_report_does_not(key, value, full):
    document = json.loads(FORMATS["json"].render(full))
    assert problems(document | {key: value})
    assert problems({name: each for name, each in document.items() if name != "schemaVersion"})


def test_readers_may_meet_fields_that_they_do_not_know(full):
    document = json.loads(FORMATS["json"].render(full))
    for each in (document, document["run"], document["results"][0], document["results"][2]["waiver"]):
        each["fromTheFuture"] = 1
    assert problems(document) == []


def test_the_file_of_1_0_fits_it_for_ever():
    assert SCHEMA_VERSION == "1.0"
    assert problems(json.loads((ROOT / "tests/library/report-1.0.json").read_text())) == []


def test_a_real_report_fits_it_by_the_word_of_a_validator(audit):
    done = audit("--demo", "--rules", "pack:default", "--format", "json")
    assert done.code == 1
    validator = Path(sys.executable).with_name("check-jsonschema")
    command = [validator, "--schemafile", ROOT / "schemas/report.schema.json", done.folder / "reports/report.json"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
