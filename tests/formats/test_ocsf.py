import json

import pytest
from msgspec.structs import replace
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from northflank_audit.formats import FORMATS
from northflank_audit.formats.ocsf import VERSION
from northflank_audit.model import Severity, Status
from northflank_audit.resolution import Became
from tests.formats.conftest import HOSTILE, crowd, result

NOW, EARLIER = 1795500002500, 1794895203000
"""Milliseconds since 1970 of when the reports' runs ended."""


def events(report):
    """Return the events, each of them checked by the model and by the rules that it does not know."""
    found = json.loads(FORMATS["ocsf"].render(report))
    for each in found:
        model = ComplianceFinding.model_validate(each)
        assert model.type_uid == model.class_uid * 100 + model.activity_id == each["type_uid"]
        assert (each["class_uid"], each["category_uid"]) == (2003, 2)
        assert each["metadata"]["version"] == VERSION
        assert each["cloud"]["provider"]  # what the profile `cloud` asks for
        assert_no_null(each)
    assert len({each["metadata"]["uid"] for each in found}) == len(found)
    return found


def assert_no_null(value):
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        assert each is not None or value.keys() >= {"expires", "owner"}  # a waiver is ours, below `unmapped`
        assert_no_null(each)


def test_the_version_is_the_one_that_the_model_checks():
    assert VERSION == OCSF_VERSION


def test_a_violation_whole(report):
    (first, _, _) = events(report)
    assert first == {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200301,
        "type_name": "Compliance Finding: Create",
        "time": NOW,
        "severity_id": 4,
        "severity": "High",
        "status_id": 1,
        "status": "New",
        "metadata": {
            "version": "1.5.0",
            "product": {"name": "northflank-audit", "vendor_name": "northflank-audit", "version": "1.0.0"},
            "profiles": ["cloud"],
            "uid": f"0123456789abcdef-{result().fingerprint}",
            "correlation_uid": "0123456789abcdef",
            "labels": ["complete"],
        },
        "message": "a can be used by every project",
        "status_code": "fail",
        "compliance": {
            "control": "Restricted to projects",
            "desc": "One project reaches every image.",
            "standards": ["SOC 2", "own"],
            "requirements": ["SOC 2 CC6.1", "SOC 2 CC6.3", "own 1"],
            "status_id": 3,
            "status": "Fail",
        },
        "finding_info": {
            "uid": result().fingerprint,
            "title": "Restricted to projects",
            "desc": "a can be used by every project",
            "types": ["registry-credential"],
            "analytic": {"uid": "unrestricted", "name": "Restricted to projects", "type_id": 1, "type": "Rule"},
            "created_time": NOW,
            "last_seen_time": NOW,
        },
        "resources": [{"uid": "a", "name": "A", "type": "registry-credential"}],
        "cloud": {"provider": "Northflank"},
        "evidences": [{"data": {"restrictions.restricted": False}}],
        "remediation": {
            "desc": "Select the projects.",
            "references": ["https://example.com/docs", "https://example.com/more"],
        },
    }


@pytest.mark.parametrize(
    ("status", "verdict", "severity"),
    [
        (Status.PASS, (1, "Pass"), (1, "Informational")),
        (Status.FAIL, (3, "Fail"), (4, "High")),
        (Status.UNKNOWN, (2, "Warning"), (4, "High")),
        (Status.ERROR, (99, "Error"), (4, "High")),
        (Status.NOTAPPLICABLE, (99, "Not applicable"), (1, "Informational")),
    ],
)
def test_verdicts(report, status, verdict, severity):
    (event,) = events(replace(report, results=[result(status=status)]))
    assert (event["compliance"]["status_id"], event["compliance"]["status"]) == verdict
    assert (event["severity_id"], event["severity"], event["status_code"]) == (*severity, status)


@pytest.mark.parametrize(("severity", "number"), list(zip(Severity, (1, 2, 3, 4, 5), strict=True)))
def test_severities(report, severity, number):
    assert events(replace(report, results=[result(severity=severity)]))[0]["severity_id"] == number


def test_a_waived_violation_is_suppressed_and_still_failed(report):
    waived = events(report)[2]
    assert (waived["status_id"], waived["status"], waived["compliance"]["status_id"]) == (3, "Suppressed", 3)
    assert waived["comment"] == "Migrated in Q1 (waived by ops@example.com until 2027-01-31)"
    assert waived["unmapped"]["waiver"]["expires"] == "2027-01-31"


def test_a_finding_is_created_goes_on_and_is_closed_under_the_same_uid(full):
    new, ongoing = result(state="new"), result(resource="o", state="ongoing")
    report = replace(full, results=[new, ongoing])
    first, second, fixed, gone = events(report)
    assert (first["activity_id"], first["type_uid"], first["status_id"]) == (1, 200301, 1)
    assert (second["activity_id"], second["type_uid"], second["status_id"]) == (2, 200302, 2)
    assert second["finding_info"]["modified_time"] == NOW
    assert "created_time" not in second["finding_info"]
    assert (fixed["activity_id"], fixed["type_uid"], fixed["status_id"]) == (3, 200303, 4)
    assert (fixed["compliance"]["status"], gone["compliance"]["status"]) == ("Pass", "Gone")
    assert (fixed["finding_info"]["modified_time"], fixed["finding_info"]["last_seen_time"]) == (NOW, EARLIER)
    assert fixed["finding_info"]["uid"] == result(resource="y").fingerprint


def test_what_is_unsettled_is_not_closed(full):
    uids = {each["finding_info"]["uid"] for each in events(full) if each["activity_id"] == 3}
    assert uids == {each.fingerprint for each in full.resolved}


def test_what_is_no_longer_applicable_is_closed_without_a_pass(full):
    (last,) = events(replace(full, results=[], resolved=[result(became=Became.NOTAPPLICABLE)]))
    assert (last["status"], last["compliance"]["status_id"]) == ("Resolved", 99)
    assert last["compliance"]["status"] == "No longer applicable"


def test_an_incomplete_audit_is_an_event_of_its_own_and_marks_all_others(incomplete):
    first, *others = events(incomplete)
    assert (first["severity"], first["status"], first["status_code"]) == ("High", "New", "incomplete")
    assert (first["compliance"]["status_id"], first["compliance"]["status"]) == (0, "Unknown")
    assert first["compliance"]["status_details"] == incomplete.run.incomplete_reasons
    assert first["finding_info"]["uid"] == "0123456789abcdef-incomplete"
    assert len(others) == 3
    for each in (first, *others):
        assert each["metadata"]["labels"] == ["incomplete"]
        assert each["status_detail"] == "The audit is incomplete: not everything could be seen or evaluated"


def test_an_incomplete_audit_that_found_nothing_is_no_empty_list(incomplete):
    (only,) = events(replace(incomplete, results=[]))
    assert only["finding_info"]["title"] == "The audit is incomplete"


def test_a_complete_audit_without_a_finding_is_an_empty_list(clean):
    assert FORMATS["ocsf"].render(clean) == "[]\n"


def test_a_team_is_the_cloud_account_and_the_group_of_the_resource(full):
    event = next(each for each in events(full) if each["resources"][0]["uid"] == "t")
    assert event["resources"][0]["group"] == {"uid": "payments", "name": "payments", "type": "team"}
    assert event["cloud"]["account"] == {
        "uid": "payments",
        "name": "payments",
        "type_id": 99,
        "type": "Northflank team",
    }


def test_a_name_of_blanks_gives_way_to_the_id(report):
    for name in (None, "", " \t"):
        each = replace(result(), resource=replace(result().resource, name=name))
        (event,) = events(replace(report, results=[each]))
        assert event["resources"][0]["name"] == "a"


def test_an_event_stands_on_a_line(full):
    first, *lines, last = FORMATS["ocsf"].render(full).splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.removesuffix(",")) for line in lines] == events(full)


def test_hostile_text_is_data(hostile):
    assert HOSTILE in {each["message"] for each in events(hostile)}


def test_every_finding_is_there_however_many_there_are(report):
    text = FORMATS["ocsf"].render(crowd(report, 10_000))
    assert len(json.loads(text)) == 10_000


def test_a_pass_that_is_listed_makes_no_second_event_of_the_finding_that_it_closes(full):
    """`--include pass` lists the verdict that fixed what is resolved."""
    fixed = full.resolved[0]
    passed = result(resource=fixed.resource.id, status=Status.PASS)
    found = [
        each for each in events(replace(full, results=[passed])) if each["finding_info"]["uid"] == fixed.fingerprint
    ]
    assert [each["activity_name"] for each in found] == ["Close"]


def test_an_unknown_verdict_on_what_was_violated_creates_no_new_finding(full):
    """The finding goes on: to begin it anew would say that it had ended."""
    (unknown,) = [each for each in events(full) if each["compliance"]["status"] == "Warning"]
    assert unknown["finding_info"]["uid"] == full.unsettled[0].fingerprint
    assert (unknown["activity_name"], unknown["status"]) == ("Update", "In Progress")
    (alone,) = [each for each in events(replace(full, unsettled=[])) if each["compliance"]["status"] == "Warning"]
    assert (alone["activity_name"], alone["status"]) == ("Create", "New")
