import gzip
import json
import os
import random
import shutil
import subprocess

import jsonschema
import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS, sarif
from northflank_audit.model import ResourceName, Severity, Status
from northflank_audit.printable import printable
from tests.conftest import NET, needed_package
from tests.formats.conftest import poisoned, result

PACKAGE = "@microsoft/sarif-multitool-linux/"


def run(report):
    log = json.loads(FORMATS["sarif"].render(report))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    return log["runs"][0]


def results(report):
    return run(report)["results"]


def notifications(report):
    (invocation,) = run(report)["invocations"]
    return [(each["level"], each["message"]["text"]) for each in invocation["toolExecutionNotifications"]]


def found(rule, index, line, kind, level, message, name, fingerprint, severity, status, evidence):
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": f"northflank/account/registry-credentials/{name.lower()}"},
                    "region": {"startLine": 1, "startColumn": 1},
                },
                "logicalLocations": [
                    {
                        "name": name,
                        "fullyQualifiedName": f"registry-credential/{name.lower()}",
                        "kind": "resource",
                    }
                ],
            }
        ],
        "relatedLocations": [
            {
                "id": 1,
                "physicalLocation": {
                    "artifactLocation": {"uri": "rules.yaml"},
                    "region": {"startLine": line, "startColumn": 1},
                },
                "message": {"text": "The rule"},
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:1"},
        "properties": {
            "severity": severity,
            "status": status,
            "type": "registry-credential",
            "team": None,
            "project": None,
            "evidence": evidence,
        },
    }


PAGE = "https://northflank.com/docs"
RESTRICTED = {"restrictions.restricted": False}
A = found(
    "unrestricted", 1, 3, "fail", "error", "a can be used by every project (a)", "A",
    "6b5f95636588782c585bd8fbb1513038", "high", "fail", RESTRICTED,
)  # fmt: skip
B = found(
    "provider", 0, 12, "fail", "note", "b uses quay (b; waived until 2027-01-31)", "B",
    "3eed03fd3eecd452532346891dac77a0", "low", "fail", RESTRICTED,
) | {
    "suppressions": [
        {"kind": "external", "justification": "Migrated in Q1 (ops@example.com, until 2027-01-31)"}
    ]
}  # fmt: skip
C = found(
    "unrestricted", 1, 3, "open", "none", "c could not be evaluated (c; unknown)", "C",
    "4e49c1d969598959ac79ac2d194d63ce", "high", "unknown", {},
)  # fmt: skip


def test_the_whole_log(report):
    assert json.loads(FORMATS["sarif"].render(report)) == {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "northflank-audit",
                        "version": "1.0.0",
                        "informationUri": PAGE,
                        "rules": [
                            {
                                "id": "provider",
                                "shortDescription": {"text": "Provider is allowed"},
                                "fullDescription": {"text": "Provider is allowed"},
                                "help": {"text": "Provider is allowed"},
                                "helpUri": PAGE,
                                "defaultConfiguration": {"level": "note"},
                                "properties": {
                                    "tags": ["security", "soc2/CC6.3", "soc2/CC9.2"],
                                    "precision": "very-high",
                                    "security-severity": "2.0",
                                },
                            },
                            {
                                "id": "unrestricted",
                                "shortDescription": {"text": "Restricted to projects"},
                                "fullDescription": {"text": "One project reaches every image."},
                                "help": {
                                    "text": "Select the projects. https://example.com/docs https://example.com/more"
                                },
                                "helpUri": "https://example.com/docs",
                                "defaultConfiguration": {"level": "error"},
                                "properties": {
                                    "tags": ["security", "soc2/CC6.1", "soc2/CC6.3", "own/1"],
                                    "precision": "very-high",
                                    "security-severity": "8.0",
                                },
                            },
                        ],
                    }
                },
                "automationDetails": {
                    "id": "northflank-audit/account/0123456789abcdef",
                    "guid": "50b82619-408e-5b6c-b13e-6483162d9eee",
                },
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "exitCode": 1,
                        "exitCodeDescription": "Exit code 1: the audit is complete, and there are violations at or "
                        "above the severity that fails an audit (--fail-on).",
                        "startTimeUtc": "2026-11-24T06:00:00.000Z",
                        "endTimeUtc": "2026-11-24T06:00:02.500Z",
                        "toolExecutionNotifications": [],
                    }
                ],
                "results": [A, C, B],
            }
        ],
    }


def test_an_incomplete_audit_did_not_succeed_and_has_a_result_that_says_so(incomplete, clean):
    for report, others in ((incomplete, [A, C, B]), (replace(clean, run=incomplete.run, exit_code=3), [])):
        (invocation,) = run(report)["invocations"]
        assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
        assert notifications(report) == [("error", "page 2: 403 Forbidden"), ("error", "1 verdict is unknown")]
        first, *rest = results(report)
        assert rest == others
        assert (first["kind"], first["level"]) == ("fail", "error")
        assert first["message"]["text"] == "the audit is incomplete: page 2: 403 Forbidden; 1 verdict is unknown"
        assert run(report)["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"]
    unsaid = replace(clean, run=replace(incomplete.run, incomplete_reasons=[]))
    assert [level for level, _ in notifications(unsaid)] == ["error"]


def test_a_clean_audit_has_no_result(clean):
    assert results(clean) == []
    assert run(clean)["invocations"][0]["executionSuccessful"]


def test_a_comparison_shows_as_baseline_states(full, report):
    states = [(each["ruleId"], each["kind"], each.get("baselineState")) for each in results(full)]
    assert states == [
        ("unrestricted", "fail", "new"),
        ("unrestricted", "open", None),
        ("former", "open", "updated"),
        ("provider", "fail", "new"),
        ("provider", "pass", None),
    ]
    ongoing = replace(full, results=[result(state="ongoing")], unsettled=[])
    assert [each["baselineState"] for each in results(ongoing)] == ["unchanged"]
    assert notifications(full) == [
        ("warning", "something is odd"),
        ("warning", "the earlier report was incomplete: what is new may have been there"),
        ("note", "since run fedcba9876543210: 1 new, 0 ongoing, 2 resolved, 2 unsettled"),
    ]
    before = replace(report, run=replace(report.run, id=full.comparison.baseline.id))
    assert run(full)["baselineGuid"] == run(before)["automationDetails"]["guid"]


def test_a_comparison_that_was_refused_has_no_baseline(full):
    refused = replace(full, comparison=replace(full.comparison, refused="another account", cautions=[]))
    assert "baselineGuid" not in run(refused)
    assert notifications(refused) == [("warning", "something is odd"), ("warning", "another account")]


def test_what_is_not_known_today_is_kept_and_what_is_resolved_is_left_out(full):
    told = {each["partialFingerprints"]["primaryLocationLineHash"] for each in results(full)}
    assert {f"{each.fingerprint}:1" for each in full.unsettled} <= told
    assert not {f"{each.fingerprint}:1" for each in full.resolved} & told
    assert len(told) == len(results(full))


@pytest.mark.parametrize(
    ("status", "kind"), [("pass", "pass"), ("unknown", "open"), ("error", "open"), ("notapplicable", "notApplicable")]
)
def test_only_a_violation_is_of_the_kind_fail_and_has_a_level(report, status, kind):
    (only,) = results(replace(report, results=[result(status=Status(status))]))
    assert (only["kind"], only["level"]) == (kind, "none")


def test_severities_are_what_github_makes_of_them(report):
    rules = [replace(report.rules[0], id=each, severity=each) for each in Severity]
    made = run(replace(report, rules=rules, results=[result(each, severity=each) for each in Severity]))
    assert [each["level"] for each in made["results"]] == ["note", "note", "warning", "error", "error"]
    scores = [rule["properties"].get("security-severity") for rule in made["tool"]["driver"]["rules"]]
    assert scores[0] is None
    # Over 9.0 is critical, from 7.0 high, from 4.0 medium, from 0.1 low.
    assert [float(score) > 9 for score in scores[1:]] == [False, False, False, True]
    assert [0.1 <= float(score) < 4 for score in scores[1:]] == [True, False, False, False]
    assert [4 <= float(score) < 7 for score in scores[1:]] == [False, True, False, False]


def test_a_rule_fits_what_github_takes(report):
    rule = replace(
        report.rules[1], title="t" * 2000, rationale="r" * 1025, controls={"own": [str(n) for n in range(30)]}
    )
    made = run(replace(report, rules=[rule], results=[]))["tool"]["driver"]["rules"][0]
    assert made["shortDescription"]["text"] == "t" * 1023 + "…"
    assert made["fullDescription"]["text"] == "r" * 1023 + "…"
    assert len(made["properties"]["tags"]) == 20


def test_a_name_is_another_than_the_id(report):
    rule = replace(report.rules[0], id="no_older-than")
    assert run(replace(report, rules=[rule], results=[]))["tool"]["driver"]["rules"][0]["name"] == "NoOlderThan"
    assert "name" not in run(report)["tool"]["driver"]["rules"][0]


def test_the_most_urgent_results_are_kept_and_the_rest_is_counted(report, incomplete, monkeypatch):
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    monkeypatch.setattr(sarif, "MOST_SHOWN", 1)
    assert results(report) == [A, C]
    assert notifications(report) == [
        ("warning", "1 result of 3 exceed GitHub's limits, and are only in the JSON report"),
        ("note", "GitHub shows 1 of 2 results; the JSON report has them all"),
    ]
    assert [each["ruleId"] for each in results(incomplete)] == ["audit-incomplete", "unrestricted"]


def test_a_file_is_no_larger_than_github_takes(report, monkeypatch):
    monkeypatch.setattr(sarif, "MOST_BYTES", 3000)
    many = [result(resource=f"{n}", fingerprint=os.urandom(16).hex()) for n in range(200)]
    text = FORMATS["sarif"].render(replace(report, results=many))
    assert len(gzip.compress(text.encode())) < 3100
    assert 0 < len(json.loads(text)["runs"][0]["results"]) < 200
    assert "are only in the JSON report" in text
    monkeypatch.setattr(sarif, "MOST_BYTES", 1)
    assert results(report) == []


def test_a_result_is_at_its_resource_and_its_rule_is_related(report):
    def places(path, **changes):
        rules = [replace(rule, origin=f"{path}:7") for rule in report.rules]
        (only,) = results(replace(report, rules=rules, results=[replace(result(), **changes)]))
        (location,), (related,) = only["locations"], only["relatedLocations"]
        assert location["physicalLocation"]["region"]["startLine"] == 1
        assert related["physicalLocation"]["region"]["startLine"] == 7
        return [each["physicalLocation"]["artifactLocation"]["uri"] for each in (location, related)]

    own = "northflank/account/registry-credentials/a"
    assert places("rules/my rules#1.yaml") == [own, "rules/my%20rules%231.yaml"]
    assert places("/etc/audit/r.yaml") == [own, "file:///etc/audit/r.yaml"]
    team = ResourceName("registry-credential", "a/b c", None, "payments")
    assert places("r.yaml", resource=team)[0] == "northflank/teams/payments/registry-credentials/a%2Fb%20c"


def test_no_two_resources_of_a_rule_have_one_place(full, with_account):
    """Readers that know a finding by rule and place would take them for one."""
    for each in (full, with_account):
        places = [
            (made["ruleId"], made["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
            for made in results(each)
            if made["properties"]["status"] is not None
        ]
        assert len(set(places)) == len(places) == len(each.results)


def test_uploads_of_other_scopes_have_a_category_of_their_own(report):
    """GitHub takes for the category what is before the last slash, and replaces uploads of the same."""

    def category(**source):
        made = replace(report, run=replace(report.run, source=replace(report.run.source, **source)))
        before, _, instance = run(made)["automationDetails"]["id"].rpartition("/")
        assert instance == report.run.id
        return before

    assert category(teams=["b", "a"]) == category(teams=["a", "b"]) == "northflank-audit/teams/a+b"
    many = [f"team-{n}" for n in range(500)]
    categories = [
        category(),
        category(kind="demo"),
        category(kind="input", files=["june.json"]),
        category(kind="input", teams=["a"]),
        category(all_teams=True, teams=["a", "b"]),
        category(teams=["all-teams"]),
        category(teams=["account"]),
        category(teams=["a+b"]),
        category(teams=["a/b"]),
        category(teams=["a", "b"]),
        category(teams=many),
        category(teams=many[1:]),
    ]
    assert len(set(categories)) == len(categories)
    assert max(map(len, categories)) < 500


def test_every_result_has_its_rule_and_every_rule_a_page(full, incomplete):
    """Datadog refuses a file in which a result's rule is missing, as that of an earlier report's may be."""
    for each in (full, incomplete):
        rules = run(each)["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        assert all(rule["helpUri"].startswith("https://") for rule in rules)
        assert [rules[made["ruleIndex"]]["id"] for made in results(each)] == [made["ruleId"] for made in results(each)]
    assert "former" in {made["ruleId"] for made in results(full)}


def test_a_message_begins_with_what_is_wrong(full):
    assert [made["message"]["text"] for made in results(full)] == [
        "a can be used by every project (a)",
        "c could not be evaluated (c; unknown)",
        "z can be used by every project (z; violated before, now unknown (rule did not run))",
        "b uses quay (b; waived until 2027-01-31)",
        "t can be used by every project (payments/t; pass)",
    ]


def test_a_name_of_blanks_gives_way_to_the_id(report):
    for name in ("", " \t", None):
        each = replace(result(), resource=ResourceName("registry-credential", "a", name, None))
        (only,) = results(replace(report, results=[each]))
        assert only["locations"][0]["logicalLocations"][0]["name"] == "a"


def test_nothing_is_written_that_drafts_of_the_schema_do_not_know(full):
    """Datadog's copy of the schema of 2.1.0 has `state` where the final one has `status`."""
    waived = [made for made in results(full) if "suppressions" in made]
    assert waived and all(set(each) == {"kind", "justification"} for made in waived for each in made["suppressions"])


def test_hostile_text_makes_no_link_and_no_placeholder(hostile):
    texts = [each["message"]["text"] for each in results(hostile)] + [text for _, text in notifications(hostile)]
    for rule in run(hostile)["tool"]["driver"]["rules"]:
        texts += [rule[key]["text"] for key in ("shortDescription", "fullDescription", "help")]
        assert rule["helpUri"] in ("https://good.example/", PAGE)
    for text in texts:
        assert printable(text) == text
        assert "](" not in text
        assert "{" not in text.replace("{{", "") and "}" not in text.replace("}}", "")


def test_a_brace_is_no_placeholder(report):
    (only,) = results(replace(report, results=[result(message="{0} of {name}")]))
    assert only["message"] == {"text": "{{0}} of {{name}} (a)"}


@pytest.fixture
def multitool(tmp_path):
    """Microsoft's SARIF validator. npm's scripts, which are not run, would have made it executable."""
    tool = tmp_path / "Sarif.Multitool"
    shutil.copy(needed_package(PACKAGE + "Sarif.Multitool"), tool)
    tool.chmod(0o700)

    def validate(folder):
        # Without the ICU library, and without its start message.
        environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(tmp_path)}
        command = [str(tool), "validate", f"{folder}/*.sarif", "--rule-kind", "Sarif;Ghas"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=NET)
        assert "Done." in done.stdout, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        return [line for line in lines if ": error " in line], [line for line in lines if ": warning " in line]

    return validate


def test_the_validator_finds_no_error(multitool, report, incomplete, clean, full, with_account, hostile, tmp_path):
    schema = json.loads(needed_package(PACKAGE + "sarif-2.1.0.json").read_text(encoding="utf-8-sig"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    reports = (report, incomplete, clean, full, with_account, hostile, poisoned(full, "{0} \uffff\x00]](1)"))
    folder = tmp_path / "logs"
    folder.mkdir()
    for n, each in enumerate(reports):
        text = FORMATS["sarif"].render(each)
        validator.validate(json.loads(text))
        (folder / f"{n}.sarif").write_text(text, encoding="utf-8")
    wrong = FORMATS["sarif"].render(report).replace('"ruleIndex": 1', '"ruleIndex": 7', 1)
    (folder / "wrong.sarif").write_text(wrong)
    errors, warnings = multitool(folder)
    assert errors and {"wrong.sarif" in line for line in errors} == {True}
    # A hostile name and version the tool has in these tests alone.
    assert {line.split(": warning ")[1][:9] for line in warnings} == {"SARIF2005"}, warnings


def test_no_text_however_long_drives_a_violation_out_of_the_file(report):
    """What is left out is closed as fixed by GitHub, though it is violated."""
    noise = random.Random(1).randbytes(6_000_000).hex()
    resource = replace(report.results[0].resource, id=noise, name=noise, team=noise)
    long = replace(report.results[0], resource=resource, message=noise, evidence={"name": noise})
    text = FORMATS["sarif"].render(replace(report, results=[long]))
    (found,) = json.loads(text)["runs"][0]["results"]
    assert found["kind"] == "fail"
    assert found["properties"]["evidence"] == "12000011 bytes, only in the JSON report"
    assert len(text) < 100_000
