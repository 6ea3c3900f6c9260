"""What annotations say stands with the findings; what is overdue comes first and is counted; nothing else changes."""

import csv
import datetime as dt
import io
import json

import click
import pytest
from msgspec.structs import replace

from northflank_audit.cli.summary import lines
from northflank_audit.delivery import notify
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.brief import brief
from northflank_audit.remarks import Annotation, Annotations
from tests.formats.conftest import crowd

LATE = Annotation(
    rule="unrestricted", resource="r2", owner="ops@example.com", due=dt.date(2026, 11, 1), comment="Sprint 12"
)
WRONG = Annotation(rule="unrestricted", resource="r1", comment="It is restricted by the proxy", incorrect=True)
UNUSED = Annotation(rule="unrestricted", resource="gone", team=None, comment="Nothing left")

PEOPLE = {
    "terminal": lambda report: click.unstyle("\n".join(lines(report, []))),
    "mail": lambda report: " ".join(mailbody.text(report, "kept").split()),
    "mail as HTML": lambda report: mailbody.html(report, "kept"),
    "step summary": brief,
    "html": FORMATS["html"].render,
    "md": FORMATS["md"].render,
}
OTHERS = {name: FORMATS[name].render for name in ("json", "jsonl", "csv", "sarif", "junit", "ocsf", "github", "gitlab")}


@pytest.fixture
def annotated(report):
    """Three violations: r1 is called incorrect, r2 is overdue."""
    made = crowd(report, 3)
    results = [
        made.results[0],
        replace(made.results[1], annotation=WRONG),
        replace(made.results[2], annotation=LATE, overdue=True),
    ]
    return replace(made, results=results, annotations=Annotations(overdue=1, incorrect=1, unused=[UNUSED]))


@pytest.mark.parametrize("written", [*PEOPLE.values(), *OTHERS.values()], ids=[*PEOPLE, *OTHERS])
def test_it_stands_with_the_finding(annotated, written):
    text = written(annotated).replace("\u200b", "")
    for said in ("ops@example.com", "2026-11-01", "Sprint 12", "It is restricted by the proxy"):
        assert said in text


@pytest.mark.parametrize("written", PEOPLE.values(), ids=PEOPLE)
def test_what_is_overdue_is_counted_and_comes_first(annotated, written):
    text = written(annotated)
    assert "finding is overdue, 1 is reported as incorrect" in text.replace("1 finding", "finding")
    assert text.index("r2 can be used") < text.index("r0 can be used")


def test_a_notification_begins_with_what_is_overdue(annotated):
    (first, *_) = [line for line in notify.body(annotated, []).splitlines() if line.startswith("•")]
    assert first.startswith("• overdue, high: r2")


def test_what_is_new_still_comes_before_what_is_overdue(annotated):
    results = [replace(each, state="new" if each.resource.id == "r0" else "ongoing") for each in annotated.results]
    text = PEOPLE["terminal"](replace(annotated, results=results))
    assert text.index("r0 can be used") < text.index("r2 can be used") < text.index("r1 can be used")


@pytest.mark.parametrize("name", [name for name in PEOPLE if name != "step summary"])
def test_what_is_called_incorrect_is_listed_apart(annotated, name):
    text = PEOPLE[name](annotated)
    assert "report these" in text.replace("report them", "report these")
    assert "reported as incorrect" in text.lower()
    assert "Please report" not in PEOPLE[name](
        replace(annotated, results=annotated.results[:1], annotations=Annotations(overdue=0, incorrect=0, unused=[]))
    )


@pytest.mark.parametrize("name", ["html", "md", "mail", "mail as HTML"])
def test_one_about_no_finding_is_named(annotated, name):
    said = "The annotation of unrestricted for gone of the token's own account is about no finding"
    assert said in PEOPLE[name](annotated).replace("&#39;", "'")


def test_its_columns(annotated):
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(annotated))))
    found = [[value for key, value in row.items() if key.startswith("annotation_")] for row in rows]
    assert found == [
        ["", "", "", "", ""],
        ["", "", "false", "It is restricted by the proxy", "true"],
        ["ops@example.com", "2026-11-01", "true", "Sprint 12", "false"],
    ]


def test_its_json_has_what_was_said_and_no_more(annotated, report):
    found = json.loads(FORMATS["json"].render(annotated))
    assert found["results"][2]["annotation"] == {
        "rule": "unrestricted", "resource": "r2", "owner": "ops@example.com", "due": "2026-11-01", "comment": "Sprint 12"
    }  # fmt: skip
    assert found["results"][2]["overdue"] is True
    assert not {"annotation", "overdue"} & found["results"][0].keys()
    assert (found["annotations"]["overdue"], found["annotations"]["incorrect"]) == (1, 1)
    assert "annotations" not in json.loads(FORMATS["json"].render(report))
