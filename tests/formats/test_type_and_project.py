"""Each format that machines read says of a finding of which type it is, and in which project."""

import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.model import ResourceName, fingerprint
from tests.formats.conftest import result


@pytest.fixture
def of_a_project(report):
    """One violation, by an addon of a project of a team."""
    name = ResourceName("addon", "db", "Orders", "payments", "ledger")
    each = replace(result(), resource=name, fingerprint=fingerprint("unrestricted", name.identity))
    rules = [replace(rule, resource="addon") for rule in report.rules]
    return replace(report, rules=rules, results=[each])


def read(report, name):
    return json.loads(FORMATS[name].render(report))


def test_json_and_json_lines(of_a_project):
    line = json.loads(FORMATS["jsonl"].render(of_a_project))
    for each in (read(of_a_project, "json")["results"][0], line):
        assert (each["resource"]["type"], each["resource"]["project"]) == ("addon", "ledger")


def test_sarif(of_a_project):
    (found,) = read(of_a_project, "sarif")["runs"][0]["results"]
    (place,) = found["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "northflank/teams/payments/projects/ledger/addons/db"
    (logical,) = place["logicalLocations"]
    assert (logical["fullyQualifiedName"], logical["kind"]) == ("payments/ledger/addon/db", "resource")
    assert (found["properties"]["type"], found["properties"]["project"]) == ("addon", "ledger")


def test_junit(of_a_project):
    cases = {
        case.get("name"): case.get("classname")
        for case in ET.fromstring(FORMATS["junit"].render(of_a_project)).iter("testcase")
    }
    assert cases["payments/ledger/db"] == "addon.unrestricted"


def test_csv(of_a_project):
    (row,) = csv.DictReader(io.StringIO(FORMATS["csv"].render(of_a_project), newline=""))
    assert (row["resource_type"], row["project"], row["team"]) == ("addon", "ledger", "payments")


def test_ocsf(of_a_project):
    ((resource,),) = [event["resources"] for event in read(of_a_project, "ocsf")]
    assert (resource["type"], resource["namespace"], resource["group"]["uid"]) == ("addon", "ledger", "payments")


def test_gitlab(of_a_project):
    (issue,) = read(of_a_project, "gitlab")
    assert issue["description"].startswith("addon payments/ledger/db: ")
