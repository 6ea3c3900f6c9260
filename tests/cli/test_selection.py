"""Which rules run and what is audited: by control, severity, type and project."""

import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.errors import AuditError

RULES = """
rules:
  - {id: open, title: T, severity: low, require: "credential.name != ''", controls: {soc2: [CC6.1], cis-v8: ["3.3"]}}
  - {id: web, title: T, severity: high, resource: service, require: "service.name != 'bad'", controls: {soc2: [CC7.2]}}
  - {id: data, title: T, severity: critical, resource: addon, require: "addon.name != 'bad'"}
  - {id: both, title: T, severity: medium, resource: addon, require: "size(account.services) > 9"}
  - {id: home, title: T, severity: medium, resource: project, require: "project.name != 'bad'"}
  - {id: unset, title: T, severity: low, require: "credential.name in params.a", params: {a: []}, requires: [a], controls: {pci-dss: ["1.1"]}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a folder with rules and saved lists; returns the exit code and the output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULES)
    records = {"i": [{"id": "c", "name": "c"}], "p": [{"id": "web", "name": "bad"}, {"id": "shop", "name": "bad"}]}
    records |= {"web": [{"id": "s", "name": "bad"}], "shop": [{"id": "s", "name": "bad"}]}
    for name, items in records.items():
        key = {"i": "credentials", "p": "projects"}.get(name, "services")
        (tmp_path / f"{name}.json").write_text(json.dumps({"data": {key: items}, "pagination": {"hasNextPage": False}}))

    def command(*arguments, **environment):
        done = CliRunner(env=environment).invoke(cli, arguments)
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.output

    return command


def audited(run, tmp_path, *arguments):
    saved = ("i.json", "project=p.json", "service@web=web.json", "service@shop=shop.json")
    inputs = [part for name in saved for part in ("--input", name)]
    code, output = run("--rules", "r.yaml", "--format", "json", *inputs, *arguments)
    return code, output, json.loads((tmp_path / "reports/report.json").read_text())


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("--control soc2", ["open", "web"]),
        ("--control soc2:CC6.1 --control soc2:CC7.2", ["open", "web"]),
        ("--control soc2:CC6.1,cis-v8", ["open"]),
        ("--min-severity high", ["web", "data"]),
        ("--min-severity info --skip-rule open", ["web", "data", "both", "home"]),
        ("--type addon --type project", ["data", "both", "home"]),
        ("--skip-type service", ["open", "data", "home"]),
        ("--type addon --skip-type service", ["data"]),
        ("--project web", ["web", "data", "both", "home"]),
        ("--control soc2 --min-severity high --rule web", ["web"]),
    ],
)
def test_rules_are_selected_by_what_they_are_about(run, options, ids):
    code, output = run("rules", "list", "--rules", "r.yaml", "--json", *options.split())
    listed, _ = json.JSONDecoder().raw_decode(output)
    assert (code, [rule["id"] for rule in listed["rules"]]) == (0, ids)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--control soc3", "--control: no rule names the framework 'soc3' (did you mean 'soc2'?)"),
        ("--control xyz", "--control: no rule names the framework 'xyz'; choose from cis-v8, pci-dss, soc2"),
        ("--control soc2:CC6.2", "no rule supports the control 'CC6.2' of soc2 (did you mean 'CC"),
        ("--control soc2:", "no rule supports the control '' of soc2; choose from CC6.1, CC7.2"),
        ("--type adon", "unknown resource type 'adon' (did you mean 'addon'?)"),
        ("--skip-type adon", "unknown resource type 'adon' (did you mean 'addon'?)"),
        ("--min-severity hgih", "'hgih' is not one of"),
        ("--control cis-v8 --min-severity high", "no rule is left to run: --min-severity and --control exclude"),
        ("--rule open --project web", "no rule is left to run: --project excludes all of them"),
    ],
)
def test_what_there_is_not_or_leaves_no_rule_ends_before_anything_is_read(run, tmp_path, options, problem):
    code, output = run("rules", "list", "--rules", "r.yaml", *options.split())
    assert code == 2
    assert problem in output
    assert run("--rules", "r.yaml", "--input", "i.json", *options.split())[0] == 2
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("options", ["--type addon", "--project web", "--control soc2:A1.2"])
def test_where_the_default_pack_has_no_such_rule_it_is_said_where_more_are(run, options):
    more = "; more rules: --rules pack:everything"
    code, output = run("rules", "list", *options.split())
    assert (code, output.rstrip().endswith(more)) == (2, True), output
    assert more not in run("rules", "list", "--rules", "pack:everything", "--control", "soc2:A9.9")[1]
    assert more not in run("rules", "list", "--rules", "r.yaml", "--control", "soc2:A9.9")[1]


def test_the_environment_and_the_config_file_select_too(run, tmp_path):
    (tmp_path / "c.yaml").write_text("control: [soc2]\nmin-severity: high\n")
    code, output = run("rules", "list", "--rules", "r.yaml", "--config", "c.yaml")
    assert (code, output.split()[0]) == (0, "web")
    listed = run("rules", "list", "--rules", "r.yaml", NORTHFLANK_AUDIT_TYPE="addon project")[1]
    assert [line.split()[0] for line in listed.splitlines()] == ["data", "both", "home"]
    (tmp_path / "c.yaml").write_text("type: [adon]\n")
    assert "c.yaml:1:8: type: unknown resource type 'adon'" in run("rules", "list", "--config", "c.yaml")[1]
    (tmp_path / "c.yaml").write_text("control: [soc2, soc3]\n")
    assert (
        "c.yaml:1:17: control: no rule names the framework 'soc3'"
        in run("rules", "lint", "r.yaml", "--config", "c.yaml")[1]
    )


def test_a_report_says_which_option_left_a_rule_out(run, tmp_path):
    _, _, report = audited(run, tmp_path, "--min-severity", "high", "--skip-type", "addon")
    assert report["leftOut"] == {
        "open": "--min-severity", "data": "--skip-type", "both": "--skip-type", "home": "--min-severity",
        "unset": "--min-severity",
    }  # fmt: skip
    assert "no addon was audited (--skip-type)" in report["warnings"]


def test_only_what_is_in_a_named_project_is_audited(run, tmp_path):
    code, _, report = audited(run, tmp_path, "--project", "web", "--skip-type", "addon")
    found = {(each["ruleId"], each["resource"]["project"], each["resource"]["id"]) for each in report["results"]}
    assert (code, found) == (1, {("web", "web", "s"), ("home", None, "web")})
    assert report["coverage"]["resources"] == 2
    assert report["run"]["source"]["projects"] == ["web"]
    assert "only resources in the project web were audited (--project)" in report["warnings"]


def test_a_project_that_is_not_there_makes_the_audit_incomplete(run, tmp_path):
    code, _, report = audited(run, tmp_path, "--project", "web,shp", "--skip-type", "addon")
    problem = "no project 'shp' (did you mean 'shop'?): nothing of it was audited"
    assert (code, report["run"]["incompleteReasons"]) == (3, [problem])


def test_what_was_not_audited_is_not_called_resolved_or_ongoing(run, tmp_path):
    audited(run, tmp_path, "--skip-type", "addon")
    _, _, report = audited(
        run, tmp_path, "--project", "web", "--skip-type", "addon", "--compare", "reports/report.json"
    )
    assert [each["state"] for each in report["results"]] == ["ongoing", "ongoing"]
    assert report["resolved"] == []
    assert {(each["resource"]["project"], each["resource"]["id"], each["became"]) for each in report["unsettled"]} == {
        ("shop", "s", "unaudited"), (None, "shop", "unaudited"),
    }  # fmt: skip
    _, _, report = audited(run, tmp_path, "--skip-type", "addon", "--compare", "reports/report.json")
    assert "the earlier report audited only web, so everything else is new" in report["comparison"]["cautions"]


def test_reports_show_the_controls_of_one_framework_and_all_rules_run(run, tmp_path):
    _, _, every = audited(run, tmp_path, "--skip-type", "addon")
    code, output, report = audited(run, tmp_path, "--skip-type", "addon", "--framework", "soc2")
    assert [each["id"] for each in every["compliance"]] == ["soc2", "cis-v8", "pci-dss"]
    assert [each["id"] for each in report["compliance"]] == ["soc2"]
    assert {name for rule in report["rules"] for name in rule["controls"]} == {"soc2"}
    assert [each["controls"] for each in report["notConfigured"]] == [{}]
    assert report["summary"] == every["summary"]
    code, output = run("--rules", "r.yaml", "--input", "i.json", "--framework", "soc1")
    assert (code, output) == (2, "--framework: no rule names the framework 'soc1' (did you mean 'soc2'?)")


def test_a_found_config_that_selects_fewer_rules_is_named(run, tmp_path):
    (tmp_path / "audit.yaml").write_text("min-severity: high\ncontrol: soc2\n")
    _, _, report = audited(run, tmp_path)
    (warning,) = [each for each in report["warnings"] if "found, not named" in each]
    assert "control (audit.yaml:2), min-severity (audit.yaml:1)" in warning


def test_the_api_is_asked_for_the_lists_of_the_named_project_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(
        "rules: [{id: web, title: T, severity: high, resource: service, require: \"service.name != ''\"}]"
    )
    options = ["--demo", "--rules", "r.yaml", "--format", "json", "--include", "pass", "--project", "catalog"]
    assert CliRunner().invoke(cli, options).exit_code == 0
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert {each["resource"]["project"] for each in report["results"]} == {"catalog"}
    assert report["coverage"]["requests"] == 2, "the list of projects, and the list of services of one"
