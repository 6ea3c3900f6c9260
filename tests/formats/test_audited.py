"""What was audited, and what could not be: a row for each type, and what the API does not show."""

import json
import re

import pytest
from click import unstyle
from msgspec.structs import replace

from northflank_audit.cli import summary
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.report import TypeCoverage

FACT = "sessions: how long they last"
TYPES = [
    TypeCoverage(type="addon", resources=12, details=7, requests=9),
    TypeCoverage(type="volume", resources=3, requests=1, complete=False, missing=["403 Forbidden"]),
    TypeCoverage(type="project", in_scope=False, scope="takes an organisation's token"),
]


@pytest.fixture
def wide(report):
    return replace(report, coverage=replace(report.coverage, types=TYPES, not_visible=[FACT]))


def rows(page):
    table = re.search(r'<table class="types">.*?</table>', page, re.DOTALL)[0]
    return [
        [
            re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip()
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]


def test_the_page_has_a_row_for_each_type(wide):
    assert rows(FORMATS["html"].render(wide)) == [
        ["Type", "Resources", "Details", "Requests", "Complete", "Scope"],
        ["Addons", "12", "7", "9", "complete", "in scope"],
        ["Volumes", "3", "0", "1", "incomplete 403 Forbidden", "in scope"],
        ["Projects", "0", "0", "0", "not requested", "not in scope: takes an organisation&#39;s token"],
    ]


def test_markdown_has_the_same_rows(wide):
    part = FORMATS["md"].render(wide).split("## What was audited\n\n")[1]
    assert part.splitlines()[2:] == [
        "| Addons | 12 | 7 | 9 | complete | in scope |",
        "| Volumes | 3 | 0 | 1 | incomplete; 403 Forbidden | in scope |",
        "| Projects | 0 | 0 | 0 | not requested | not in scope: takes an organisation's token |",
    ]


def test_programs_read_the_same(wide, report):
    types = json.loads(FORMATS["json"].render(wide))["coverage"]["types"]
    assert [(each["requests"], each["inScope"], each["scope"]) for each in types] == [
        (9, True, ""),
        (1, True, ""),
        (0, False, "takes an organisation's token"),
    ]
    assert json.loads(FORMATS["json"].render(report))["coverage"]["notVisible"] == []


def test_the_terminal_has_them_when_asked_for_more(wide):
    lines = [unstyle(line) for line in summary.lines(wide, [], verbose=True)]
    assert "  addons: 12, 7 details, 9 requests, complete, in scope" in lines
    assert f"    {FACT}" in lines
    assert f"    {FACT}" not in summary.lines(wide, [])


def test_people_are_told_what_the_api_does_not_show(wide, report):
    for made, heading in (
        (FORMATS["html"].render, '<h2 id="notvisible">Not visible through the API</h2>'),
        (FORMATS["md"].render, "## Not visible through the API\n"),
        (lambda each: mailbody.html(each, ""), "Not visible through the API</h2>"),
        (lambda each: mailbody.text(each, ""), "NOT VISIBLE THROUGH THE API\n"),
    ):
        assert heading in made(wide)
        assert FACT.capitalize() in made(wide)
        assert heading not in made(report)
