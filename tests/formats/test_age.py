"""How long a violation has been open stands in every format that lists it."""

import json

import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.report import Subject

OLD, BACK = "open for 12 days", "reopened, first seen 12 days ago"


@pytest.mark.parametrize("name", ["html", "md", "junit", "gitlab", "github"])
def test_the_age_is_in_words_in_what_people_read(aged, name):
    text = FORMATS[name].render(aged)
    assert OLD in text
    assert BACK in text
    assert OLD not in FORMATS[name].render(replace(aged, results=aged.results[2:], unsettled=[]))


@pytest.mark.parametrize(
    ("name", "word"),
    [("json", "firstSeen"), ("jsonl", "firstSeen"), ("sarif", "firstSeen"), ("csv", "first_seen"),
     ("ocsf", "first_seen_time"), ("attestation", "firstSeen")],
)  # fmt: skip
def test_the_times_are_in_what_programs_read(aged, name, word):
    text = FORMATS[name].render(replace(aged, subjects=[Subject(name="s", sha256="ab" * 32)]))
    assert word in text
    first = aged.results[0].first_seen
    assert f"{first:%Y-%m-%d}" in text or str(int(first.timestamp() * 1000)) in text


def test_every_format_is_tested_for_it():
    assert {*FORMATS} - {"xlsx"} == {
        "html", "md", "junit", "gitlab", "github", "json", "jsonl", "sarif", "csv", "ocsf", "attestation"
    }  # fmt: skip


def test_gitlab_says_so_in_the_description(aged):
    said = [issue["description"] for issue in json.loads(FORMATS["gitlab"].render(aged))]
    assert [each.rpartition(" (")[2].rstrip(")") for each in said if "can be used" in each][:2] == [OLD, BACK]
    assert "seen from " in said[-1], "what the run could not see keeps its age"
