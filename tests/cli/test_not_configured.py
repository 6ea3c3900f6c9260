"""Rules that require a parameter that nobody has set: they do not run, and everything says which one to set."""

import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.errors import AuditError

RULES = """
rules:
  - id: hosts
    title: Hosts are allowed
    severity: high
    require: credential.provider in params.allowed && params.other == 1 && credential.name.matches(params.names[0])
    params:
      allowed: {default: [], description: Which providers., type: array}
      names: []
      other: {default: 1, description: Another., type: integer}
    requires: [allowed, names]
    controls: {soc2: [CC9.9]}
    tests:
      - {given: {id: a, name: a, provider: github}, params: {allowed: [github], names: [a]}, expect: pass}
      - {given: {id: a, name: a, provider: ecr}, params: {allowed: [github], names: [a]}, expect: fail}
      - {given: {id: a}, params: {allowed: [github], names: [a]}, expect: unknown}
  - id: named
    title: Named
    severity: low
    require: has(credential.name)
"""
UNSET = "set params.allowed and params.names"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a folder with r.yaml and one credential; returns exit code and output, and reads the report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text('{"credentials": [{"id": "a", "name": "a", "provider": "github"}]}')

    def run(*arguments):
        done = CliRunner().invoke(cli, list(arguments))
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.output

    return run


def report(tmp_path):
    return json.loads((tmp_path / "reports/report.json").read_text())


AUDIT = ("--rules", "r.yaml", "--input", "i.json")


def test_a_rule_is_not_run_while_a_required_parameter_is_empty(run, tmp_path):
    code, out = run(*AUDIT)
    made = report(tmp_path)
    assert (code, [rule["id"] for rule in made["rules"]]) == (0, ["named"])
    assert [(rule["id"], rule["requires"]) for rule in made["notConfigured"]] == [("hosts", ["allowed", "names"])]
    described = made["notConfigured"][0]["paramSchemas"]
    assert {name: schema["description"] for name, schema in described.items()} == {"allowed": "Which providers."}
    assert made["leftOut"] == {}
    assert f"not configured: hosts: {UNSET}" in out
    assert [(each["id"], each["controls"]) for each in made["compliance"]] == [("soc2", [])]


def test_it_runs_once_every_required_parameter_is_set(run, tmp_path):
    (tmp_path / "c.yaml").write_text("overrides: {hosts: {params: {allowed: [github]}}}")
    run(*AUDIT, "--config", "c.yaml")
    assert [rule["requires"] for rule in report(tmp_path)["notConfigured"]] == [["names"]]
    (tmp_path / "c.yaml").write_text("overrides: {hosts: {params: {allowed: [github], names: [a]}}}")
    assert run(*AUDIT, "--config", "c.yaml")[0] == 0
    made = report(tmp_path)
    assert (made["notConfigured"], [rule["id"] for rule in made["rules"]]) == ([], ["hosts", "named"])


def test_to_ask_for_it_says_which_parameter_to_set(run):
    assert run(*AUDIT, "--rule", "hosts") == (
        2,
        f"--rule hosts: not configured: {UNSET} (overrides in the config file)",
    )


def test_where_no_other_rule_is_left_nothing_runs(run):
    code, out = run(*AUDIT, "--skip-rule", "named")
    assert (code, out) == (2, f"no rule is left to run: none is configured (hosts: {UNSET})")


def test_what_an_option_excludes_is_excluded_by_it(run, tmp_path):
    run(*AUDIT, "--skip-rule", "hosts")
    assert (report(tmp_path)["leftOut"], report(tmp_path)["notConfigured"]) == ({"hosts": "--skip-rule"}, [])
    run(*AUDIT, "--rule", "named")
    assert (report(tmp_path)["leftOut"], report(tmp_path)["notConfigured"]) == ({"hosts": "--rule"}, [])


def test_its_examples_set_the_parameters_and_run(run):
    assert run("rules", "test", "r.yaml") == (0, "without an example: named\n3 examples passed, 0 failed\n")


def test_what_would_fail_only_while_it_is_not_configured_is_no_mistake(run, tmp_path):
    first = "params.names[0] == credential.name || params.allowed[0] == credential.name"
    rule = f"rules: [{{id: r, title: T, severity: low, require: '{first}', params: {{allowed: [], names: []}}"
    (tmp_path / "r.yaml").write_text(f"{rule}, requires: [allowed, names]}}]")
    assert run("rules", "lint", "r.yaml")[0] == 0
    (tmp_path / "r.yaml").write_text(f"{rule}}}]")
    code, out = run("rules", "lint", "r.yaml")
    assert (code, "this fails on every record" in out) == (1, True)


def test_the_list_and_the_explanation_say_so(run):
    code, out = run("rules", "list", "--rules", "r.yaml")
    assert (code, f"not configured: hosts: {UNSET}" in out, out.startswith("named")) == (0, True, True)
    code, out = run("rules", "explain", "hosts", "--rules", "r.yaml")
    assert (code, f"not configured\n  {UNSET}" in out) == (0, True)
    code, out = run("rules", "explain", "hosts", "a", "--rules", "r.yaml", "--input", "i.json")
    assert (code, UNSET in out) == (2, True)


def test_numbers_and_false_are_values(run, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "rules: [{id: r, title: T, severity: low, require: size(credential.name) > params.n && params.b == false,"
        " params: {n: 0, b: false}, requires: [n, b]}]"
    )
    run(*AUDIT)
    assert report(tmp_path)["notConfigured"] == []
