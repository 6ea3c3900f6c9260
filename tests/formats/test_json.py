import json

import msgspec

from northflank_audit.formats import FORMATS

RESULT = {"ruleId", "severity", "status", "resource", "message", "evidence", "waiver", "fingerprint"}
WAIVER = {"rule", "resource", "reason", "owner", "expires"}
COUNTS = {"pass", "fail", "unknown", "error", "notapplicable", "waived"}


def test_the_keys_are_those_of_the_contract(report):
    document = json.loads(FORMATS["json"].render(report))
    assert list(document) == [
        "schemaVersion", "tool", "run", "coverage", "summary", "rules", "leftOut", "notConfigured", "compliance", "results", "waivers", "warnings", "exitCode",
        "gate",
    ]  # fmt: skip
    assert set(document["tool"]) == {"name", "version"}
    assert set(document["run"]) == {
        "id",
        "startedAt",
        "finishedAt",
        "source",
        "complete",
        "incompleteReasons",
        "undelivered",
    }
    assert document["run"]["source"] == {"kind": "api", "url": "https://api.northflank.com", "teams": []}
    assert set(document["coverage"]) == {
        "types",
        "requests",
        "retries",
        "pages",
        "count",
        "resources",
        "details",
        "results",
        "notVisible",
    }
    assert set(document["summary"]) == COUNTS | {"failBySeverity"}
    assert list(document["summary"]["failBySeverity"]) == ["info", "low", "medium", "high", "critical"]
    assert {"id", "title", "severity", "controls", "counts"} < set(document["rules"][0])
    assert set(document["rules"][0]["counts"]) == COUNTS
    assert [set(each) for each in document["results"]] == [RESULT] * 3
    assert set(document["results"][0]["resource"]) == {"type", "id", "name", "team", "project"}
    assert set(document["waivers"]) == {"expired", "unused"}
    assert document["results"][2]["waiver"] == {
        "rule": "provider",
        "resource": "b",
        "reason": "Migrated in Q1",
        "owner": "ops@example.com",
        "expires": "2027-01-31",
    }


def test_it_says_which_rule_ran_with_what_and_how_each_control_stands(report):
    document = json.loads(FORMATS["json"].render(report))
    rule = document["rules"][0]
    assert (rule["origin"], rule["sha256"]) == ("rules.yaml:12", "ab" * 32)
    assert rule["params"] == {"allowed": ["github"], "strict": True}
    assert rule["tuned"] == {"severity": "audit.yaml:3", "params.allowed": "audit.yaml:4"}
    soc2, own = document["compliance"]
    assert (soc2["id"], soc2["title"], own["id"], own["title"]) == ("soc2", "SOC 2", "own", "own")
    assert {each["id"]: each["verdict"] for each in soc2["controls"]} == {
        "CC6.1": "notmet",
        "CC6.3": "notmet",
        "CC9.2": "waived",
    }
    assert soc2["controls"][2] == {
        "id": "CC9.2",
        "verdict": "waived",
        "rules": ["provider"],
        "counts": {"pass": 1, "fail": 0, "unknown": 0, "error": 0, "notapplicable": 1, "waived": 1},
    }


def test_a_comparison_adds_states_and_what_is_resolved(full):
    document = json.loads(FORMATS["json"].render(full))
    assert [each.get("state") for each in document["results"]] == ["new", None, "new", None]  # violations alone
    assert [set(each) for each in document["resolved"] + document["unsettled"]] == [RESULT | {"became"}] * 4
    assert [each["became"] for each in document["resolved"] + document["unsettled"]] == [
        "fixed",
        "gone",
        "unknown",
        "unasked",
    ]
    assert set(document["comparison"]) == {
        "earlier",
        "refused",
        "cautions",
        "new",
        "ongoing",
        "resolved",
        "unsettled",
        "waived",
        "unwaived",
    }
    assert [set(each) for each in document["waivers"]["expired"]] == [WAIVER | {"team"}]


def test_it_is_indented_and_ends_with_a_newline(report):
    text = FORMATS["json"].render(report)
    assert text.startswith('{\n  "schemaVersion": "1.0",\n')
    assert text.endswith("\n}\n")
    assert json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n" == text


def test_it_is_the_report_encoded_though_it_is_written_result_by_result(full, report):
    for each in (full, report, msgspec.structs.replace(report, results=[])):
        expected = msgspec.json.format(msgspec.json.encode(each), indent=2).decode() + "\n"
        assert FORMATS["json"].render(each) == expected
        assert len(list(FORMATS["json"].pieces(each))) == len(each.results) + 2
