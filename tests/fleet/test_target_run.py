"""A target is audited as `run` would, and has an outcome whatever happens."""

import json
import re
from dataclasses import replace

import pytest

from northflank_audit.audit import runner
from northflank_audit.fleet import target_run
from northflank_audit.fleet.target_run import run_here
from tests.fleet.conftest import TEAMS, TOKENS, job, outcomes_of

pytestmark = pytest.mark.usefixtures("in_threads")


def less_the_run(path):
    report = json.loads(re.sub(r'[^" ]*(fleet|overrides)[.]yaml:[0-9]+', "PLACE", path.read_text()))
    for name in ("id", "startedAt", "finishedAt"):
        del report["run"][name]
    return report


def test_reports_are_those_of_run_with_the_same_options(fleet, fleet_file, audit, emulator, tmp_path):
    overrides = {"provider": {"severity": "critical", "params": {"allowed": ["gitlab"]}}, "unrestricted": "off"}
    targets = [
        {"name": "green", "teams": [TEAMS[0]], "token-env": "TOKEN_0"},
        {"name": "red", "teams": [TEAMS[1]], "token-env": "TOKEN_1", "options": {"min-severity": "high"}},
        {"name": "unseen", "teams": [TEAMS[2]], "token-env": "TOKEN_2"},
        {"name": "overridden", "teams": [TEAMS[3]], "token-env": "TOKEN_0", "overrides": overrides},
        {"name": "many", "all-teams": True, "token-env": "TOKEN_1"},
    ]
    ended = fleet(fleet_file(targets), "--output-dir", "out", "--fail-on", "critical")
    assert ended.code == 3
    (tmp_path / "overrides.yaml").write_text(json.dumps({"overrides": overrides}))
    alone = {
        "green": ["--team", TEAMS[0]],
        "red": ["--team", TEAMS[1], "--min-severity", "high"],
        "unseen": ["--team", TEAMS[2]],
        "overridden": ["--team", TEAMS[3], "--config", "overrides.yaml"],
        "many": ["--all-teams"],
    }
    codes = {}
    for name, options in alone.items():
        common = ["--rules", str(tmp_path / "rules.yaml"), "--format", "json", "--fail-on", "critical"]
        environment = {"NORTHFLANK_API_BASE_URL": emulator.url, "NORTHFLANK_API_TOKEN": TOKENS["TOKEN_2"]}
        codes[name] = audit("run", *options, *common, **environment).code
        assert less_the_run(tmp_path / "out" / name / "report.json") == less_the_run(tmp_path / "reports/report.json")
    assert outcomes_of(tmp_path / "out/fleet.json") == codes
    assert codes == {"green": 0, "red": 0, "unseen": 3, "overridden": 1, "many": 3}


GREEN = {"name": "green", "teams": [TEAMS[0]], "token-env": "TOKEN_0"}
RED = {"name": "red", "teams": [TEAMS[1]], "token-env": "TOKEN_0"}
UNSEEN = {"name": "unseen", "teams": [TEAMS[2]], "token-env": "TOKEN_0"}
LOST = {"name": "lost", "teams": [TEAMS[0]], "token-env": "TOKEN_THAT_IS_NOT_SET"}


@pytest.mark.parametrize(
    ("targets", "code"),
    [([GREEN], 0), ([GREEN, RED], 1), ([GREEN, UNSEEN, RED], 3), ([GREEN, LOST], 3)],
    ids=["green", "violated", "incomplete", "could-not-start"],
)
def test_the_exit_code_is_that_of_the_worst(fleet, fleet_file, tmp_path, targets, code):
    assert fleet(fleet_file(targets)).code == code
    assert json.loads((tmp_path / "reports/fleet.json").read_bytes())["exitCode"] == code


def test_what_could_not_start_says_why_and_comes_before_what_is_complete(fleet, fleet_file, tmp_path):
    broken = {**GREEN, "name": "broken", "options": {"rules": ["broken.yaml"]}}
    (tmp_path / "broken.yaml").write_text("rules: [{id: 1}]\n")
    assert fleet(fleet_file([GREEN, LOST, RED, UNSEEN, broken])).code == 3
    targets = json.loads((tmp_path / "reports/fleet.json").read_bytes())["targets"]
    assert [each["name"] for each in targets] == ["broken", "lost", "unseen", "red", "green"]
    by_name = {each["name"]: each for each in targets}
    assert (by_name["lost"]["exitCode"], by_name["lost"]["summary"], by_name["lost"]["report"]) == (2, None, None)
    assert by_name["lost"]["incompleteReasons"] == [
        "no API token: the environment variable TOKEN_THAT_IS_NOT_SET (token-env) is not set, or is empty"
    ]
    assert by_name["broken"]["incompleteReasons"][0].startswith("broken.yaml:1:9: "), "no folder of this machine"
    assert not (tmp_path / "reports/lost").exists()


def test_an_internal_error_costs_only_its_target(fleet, fleet_file, tmp_path, monkeypatch):
    original = runner.run

    def run(settings, *others):
        if settings.team == (TEAMS[1],):
            raise ZeroDivisionError(TOKENS["TOKEN_0"])
        return original(settings, *others)

    monkeypatch.setattr(runner, "run", run)
    assert fleet(fleet_file([GREEN, RED])).code == 3
    assert outcomes_of(tmp_path / "reports/fleet.json") == {"red": 3, "green": 0}
    text = (tmp_path / "reports/fleet.json").read_text()
    assert "internal error: ZeroDivisionError; run it alone with --verbose to see where" in text
    assert TOKENS["TOKEN_0"] not in text


def test_the_environment_of_run_does_not_apply(fleet, fleet_file, tmp_path):
    (tmp_path / "audit.yaml").write_text("fail-on: never\nformat: md\noutput-dir: elsewhere\n")
    environment = {
        "NORTHFLANK_AUDIT_FAIL_ON": "never",
        "NORTHFLANK_AUDIT_OUTPUT_DIR": "elsewhere",
        "NORTHFLANK_AUDIT_JOBS": "0",
        "NORTHFLANK_AUDIT_NOTIFY_URLS": "no-such-service://x",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    assert fleet(fleet_file([RED]), **environment).code == 1
    assert {path.name for path in tmp_path.iterdir()} == {"audit.yaml", "fleet.yaml", "rules.yaml", "reports"}
    assert (tmp_path / "reports/red/report.json").exists()


def test_another_version_of_the_tool_runs_nothing():
    target = run_here(replace(job("a"), version="0.0.1"))
    assert (target.exit_code, target.complete) == (2, False)
    assert "not 0.0.1" in target.incomplete_reasons[0]


@pytest.mark.parametrize(("value", "why"), [(" ", "is not set, or is empty"), ("a b", "contains whitespace")])
def test_a_token_that_is_none_is_no_reason_to_show_it(monkeypatch, value, why):
    monkeypatch.setenv("TOKEN_0", value)
    target = run_here(job("a"))
    assert target.exit_code == 2
    assert why in target.incomplete_reasons[0]
    assert "a b" not in target.incomplete_reasons[0]


@pytest.mark.parametrize("folders", [("/fleet", "/fleet/out"), ("/fleet/out", "/fleet")])
def test_reasons_name_no_folder_of_the_machine_and_no_path_that_there_is_not(folders):
    told = {
        "/fleet/out/a could not be written (File exists)": "a could not be written (File exists)",
        "can't read '/fleet/w.yaml' (gone)": "can't read 'w.yaml' (gone)",
        "/fleet/deep/fleet/none.json: can't be read": "deep/fleet/none.json: can't be read",
        "/mnt/fleet/none.json: can't be read": "/mnt/fleet/none.json: can't be read",
    }
    some = replace(job("a"), folders=folders)
    assert {reason: target_run._brief(reason, some) for reason in told} == told
