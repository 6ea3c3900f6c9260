"""The commands about rules, within the process: packs, tuning, tests, mutants, explanations, schemas."""

import json
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.cli.schemas import SCHEMAS
from northflank_audit.config.policy import packs, read_rules, select_rules
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import AuditError
from northflank_audit.policy.selection import Selection
from tests.conftest import ROOT

RULE = """
rules:
  - id: owner
    title: Credentials name their owner
    severity: low
    require: params.teams.exists(team, credential.name.startsWith(team))
    params: {teams: [web]}
    tests:
      - {name: by a team, given: {id: a, name: web pull}, expect: pass}
      - {name: by nobody, given: {id: a, name: pull}, expect: fail}
      - {given: {id: a}, expect: unknown}
"""


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """Run `rules …` in a folder with r.yaml; returns exit code and output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULE)

    def run(*arguments):
        done = CliRunner().invoke(cli, ["rules", *arguments])
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.output

    return run


# What runs: packs, extends, overrides


def test_packs_are_rule_files_by_name(rules):
    families = ["access", "account", "data", "delivery", "network", "secrets", "workloads"]
    assert packs() == sorted([*families, "baseline", "default", "everything", "strict"])
    shipped = [rule.id for rule in read_rules([]).checked()]
    assert [rule.id for rule in read_rules(["pack:default"]).checked()] == shipped
    baseline = {rule.id for rule in read_rules(["pack:baseline"]).checked()}
    strict = {rule.id: rule for rule in read_rules(["pack:strict"]).checked()}
    everything = [rule.id for rule in read_rules(["pack:everything"]).checked()]
    assert len(everything) == len(set(everything))
    assert set(everything) == {
        rule.id for pack in ("default", *families) for rule in read_rules([f"pack:{pack}"]).checked()
    }
    assert all(rule.finding and rule.controls for rule in read_rules(["pack:everything"]).checked())
    assert baseline < set(shipped) < set(strict)
    assert strict["registry-credential-stale"].params == {"max_age_days": 90}
    assert strict["registry-credential-stale"].severity == "high"
    assert strict["registry-credential-stale"].overridden["params.max_age_days"].startswith("rules/packs/strict.yaml:")
    assert rules("list", "--rules", "pack:strct") == (
        2, "unknown pack:strct (did you mean 'strict'?); choose from access, account, baseline, data, default, delivery, everything, network, secrets, strict, workloads",
    )  # fmt: skip


def test_a_file_extends_others_and_tunes_them(rules, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/ours.yaml").write_text(
        'extends: [../r.yaml, "pack:baseline"]\n'
        "overrides:\n  owner: {severity: high}\n  registry-credential-stale: off\n"
        "rules:\n  - {id: own, title: T, severity: info, require: has(credential.name)}\n"
    )
    (tmp_path / "audit.yaml").write_text("rules: [deep/ours.yaml]\noverrides: {owner: {params: {teams: [shop]}}}\n")
    code, out = rules("list", "--json")
    listed = {rule["id"]: rule for rule in json.loads(out)["rules"]}
    assert code == 0 and "own" in listed and "registry-credential-stale" not in listed
    assert (listed["owner"]["severity"], listed["owner"]["params"]) == ("high", {"teams": ["shop"]})
    assert listed["owner"]["tuned"] == {"severity": "deep/ours.yaml:3", "params.teams": "audit.yaml:2"}
    assert listed["owner"]["origin"] == "r.yaml:3"
    assert listed["registry-credential-unrestricted"]["origin"].startswith("rules/registry-credentials.yaml:")


def test_a_rule_that_comes_by_two_ways_is_one(rules, tmp_path):
    (tmp_path / "more.yaml").write_text("extends: [r.yaml]\n")
    assert [rule.id for rule in read_rules(["r.yaml", "more.yaml", "r.yaml"]).checked()] == ["owner"]
    (tmp_path / "more.yaml").write_text("extends: [r.yaml]\noverrides: {owner: off}\n")
    assert [rule.id for rule in read_rules(["more.yaml", "r.yaml"]).checked()] == ["owner"]
    (tmp_path / "more.yaml").write_text("extends: [r.yaml]\noverrides: {owner: {severity: high}}\n")
    code, out = rules("list", "--rules", "r.yaml", "--rules", "more.yaml")
    problem = "the rule 'owner' comes twice, with different overrides: not at all and severity by more.yaml:2"
    assert (code, out) == (2, f"r.yaml:3:9: {problem}")


def test_several_folders_are_read_without_their_files_of_examples(rules, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "r.yaml").write_text(RULE.replace("owner", name))
        (tmp_path / name / "r.test.yaml").write_text(f"tests: [{{rule: {name}, given: {{}}, expect: unknown}}]\n")
    assert [rule.id for rule in select_rules(["one", "two"], Selection())] == ["one", "two"]


def test_rules_in_a_file_of_examples_by_its_name_are_not_left_out_in_silence(rules, tmp_path):
    (tmp_path / "pol").mkdir()
    (tmp_path / "pol/r.yaml").write_text(RULE)
    (tmp_path / "pol/more.test.yaml").write_text(RULE.replace("owner", "more"))
    code, out = rules("list", "--rules", "pol")
    assert (code, "pol/more.test.yaml:2:1: by its name a file of examples, which needs a list" in out) == (2, True)
    code, out = rules("list", "--rules", "pol/more.test.yaml")
    assert (code, "by its name, a file of examples, not of rules" in out) == (2, True)
    (tmp_path / "pol/more.test.yaml").unlink()
    (tmp_path / "pol/gone.yaml").symlink_to("nowhere")
    assert rules("list", "--rules", "pol") == (2, "pol/gone.yaml: can't be read (No such file or directory)")


def test_files_that_extend_each_other_many_times_are_read_once(rules, tmp_path):
    for number in range(30):
        (tmp_path / f"e{number}.yaml").write_text(f"extends: [e{number + 1}.yaml, ./e{number + 1}.yaml]\n")
    (tmp_path / "e30.yaml").write_text(RULE)
    assert [rule.id for rule in read_rules(["e0.yaml"]).checked()] == ["owner"]
    (tmp_path / "e30.yaml").write_text(RULE.replace("low", "lwo"))
    assert rules("lint", "e0.yaml")[1].endswith("1 rule, 1 mistake\n")


def test_what_did_not_run_is_in_the_report(rules, tmp_path):
    (tmp_path / "i.json").write_text('{"credentials": []}')
    (tmp_path / "p.yaml").write_text('extends: ["pack:account", r.yaml]\noverrides: {owner: off}\n')
    done = CliRunner().invoke(
        cli, ["--rules", "p.yaml", "--input", "i.json", "--skip-rule", "account-too-many-credentials"]
    )
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert (done.exit_code, report["leftOut"]) == (
        0,
        {"owner": "p.yaml:2", "account-too-many-credentials": "--skip-rule"},
    )
    assert "Did not run, so what they check" in (tmp_path / "reports/report.html").read_text()
    assert "`owner` (by p.yaml:2)" in (tmp_path / "reports/report.md").read_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: [null]", "1:9: rules: this takes one value"),
        ("output: [[a]]", "1:10: output: this takes one value"),
        ("team: {a: 1}", "1:7: team: this takes a list of single values"),
        ("quiet: 7", "1:8: quiet: this is true or false"),
        ("page-size: true", "1:12: page-size: this is a value, not true or false"),
        ("page-size: 2.7", "1:12: page-size: '2.7' is not a whole number from 1 to 100"),
        ("page-size: 0144", "1:12: page-size: '0144' is not a whole number from 1 to 100"),
        ("max-attempts: 1_000", "1:15: max-attempts: '1_000' is not a whole number from 1 to 100"),
        ("timeout: 5m", "1:10: timeout: '5m' is not a number of seconds above 0 and up to 604800"),
        ("timeout: 5:00", "1:10: timeout: '5:00' is not a number of seconds above 0 and up to 604800"),
        ("timeout: .inf", "1:10: timeout: '.inf' is not a number of seconds above 0 and up to 604800"),
        ("timeout: 1e10", "1:10: timeout: '1e10' is not a number of seconds above 0 and up to 604800"),
        ("team: 0123", "1:7: team: YAML reads this as a number: quote it"),
        ("team: [a, 1_000]", "1:11: team: YAML reads this as a number: quote it"),
        ("team: 12:30", "1:7: team: YAML reads this as a number: quote it"),
        ("waivers: 0x1F", "1:10: waivers: YAML reads this as a number: quote it"),
        ('output-dir: "a\\0b"', "1:13: output-dir: this contains the character NUL"),
        ('output: ["json=a\\0b"]', "1:10: output: this contains the character NUL"),
        ("rules: [1.10]", "1:9: rules: YAML reads this as a number: quote it"),
        ('waivers: ""', "1:10: waivers: this is empty: omit the key, or give it a value"),
        ('rules: [r.yaml, ""]', "1:17: rules: this is empty: omit the key, or give it a value"),
        (
            "format: [html, pfd]",
            "1:16: format: 'pfd' is not one of html, md, json, sarif, junit, csv, xlsx, jsonl, ocsf, github, gitlab, attestation",
        ),
        ("timeout: .nan", "1:10: timeout: '.nan' is not a number of seconds above 0 and up to 604800"),
    ],
)
def test_what_yaml_can_say_and_a_command_line_can_not_is_a_mistake(rules, tmp_path, text, problem):
    (tmp_path / "c.yaml").write_text(text)
    code, out = rules("lint", "r.yaml", "--config", "c.yaml")
    assert (code, f"c.yaml:{problem}\n" in out) == (1, True)
    assert rules("list", "--config", "c.yaml") == (2, f"c.yaml:{problem}")


def test_a_mistake_in_a_config_shows_no_value(rules, tmp_path):
    (tmp_path / "c.yaml").write_text("token: nf-secret\ntoken-file: [nf-secret]\n")
    (tmp_path / "token").write_text("nf-secret\n")
    for arguments in (["--config", "c.yaml"], ["--config", "token"], ["--waivers", "token"], ["token"]):
        code, out = rules("lint", *arguments)
        assert (code, "nf-secret" in out) == (1, False)


def test_mistakes_in_the_config_stop_the_tests(rules, tmp_path):
    (tmp_path / "audit.yaml").write_text("ruls: r.yaml\n")
    assert rules("test", "r.yaml")[0] == 1


def test_what_a_pack_switches_off_can_be_switched_on_again(rules, tmp_path):
    (tmp_path / "p.yaml").write_text("extends: [r.yaml]\noverrides: {owner: off}\n")
    for value, severity in (("on", "low"), ("{severity: high}", "high")):
        (tmp_path / "audit.yaml").write_text(f"rules: [p.yaml]\noverrides: {{owner: {value}}}\n")
        assert rules("list") == (0, f"owner  {severity:<8}  Credentials name their owner\n")
    (tmp_path / "audit.yaml").write_text("rules: [p.yaml]\noverrides: {owner: off}\n")
    assert rules("list", "--rule", "owner") == (2, "--rule owner: p.yaml:2 switches it off")


def test_files_named_on_the_command_line_are_meant_and_not_those_of_the_config(rules, tmp_path):
    (tmp_path / "audit.yaml").write_text('rules: ["pack:default"]\n')
    assert rules("test", "r.yaml") == (0, "3 examples passed, 0 failed\n")
    (tmp_path / "audit.yaml").write_text('rules: ["pack:default"]\nskip-rule: [owner, onwer]\nwaivers: none.yaml\n')
    code, out = rules("lint", "r.yaml")
    assert code == 1
    assert [line for line in out.splitlines() if line[0] != " "] == [
        "audit.yaml:2:20: no rule 'onwer' (did you mean 'owner'?)",
        "none.yaml:1:1: no such file",
        "1 rule, 2 mistakes",
    ]


def test_a_config_may_be_about_rules_that_are_not_checked_just_now(rules, tmp_path):
    (tmp_path / "audit.yaml").write_text("overrides: {registry-credential-stale: off, owner: off, onwer: off}\n")
    code, out = rules("lint", "r.yaml")
    assert (code, out.splitlines()[0].split(":")[-1]) == (1, " no rule 'onwer'")
    assert out.splitlines()[-1] == "1 rule, 1 mistake"


BOMB = "{k: 1}"
for letter in "abcdefg":
    BOMB = f"{{<<: [&{letter} {BOMB}{f', *{letter}' * 29}]}}"


@pytest.mark.parametrize("text", [f"rules: {BOMB}", "[" * 100_000, "a: &a {b: *a}", "{a: " * 60 + "1" + "}" * 60])
def test_what_would_become_too_large_or_too_deep_is_refused_at_once(rules, tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    code, out = rules("lint", "x.yaml")
    assert (code, "too many values or too deeply nested" in out) == (1, True)


def test_what_rules_and_ids_say_is_no_command_to_a_terminal(rules, tmp_path):
    odd = "\\e[31m\\u202e"
    more = "".join(f'    {key}: "{odd}"\n' for key in ("rationale", "remediation"))
    more += f'    controls: {{"{odd}": ["{odd}"]}}\n'
    (tmp_path / "r.yaml").write_text(RULE.replace("    tests:", more + "    tests:"))
    code, out = rules("explain", "owner", "--rules", "r.yaml")
    assert (code, "\x1b" in out, "\u202e" in out) == (0, False, False)
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [{"id": "abc\x1b[31md", "name": "web"}]}))
    assert "\x1b" not in rules("explain", "owner", "abc[31md", "--rules", "r.yaml", "--input", "i.json")[1]


def test_an_example_is_not_asked_for_that_there_can_not_be(rules, tmp_path):
    guarded = """
rules:
  - id: guarded
    title: T
    severity: low
    require: "!has(credential.description) || size(credential.description) >= 10"
    tests:
      - {given: {id: a, description: long enough}, expect: pass}
      - {given: {id: a, description: short}, expect: fail}
"""
    (tmp_path / "g.yaml").write_text(guarded)
    assert rules("lint", "g.yaml") == (0, "1 rule, no mistake\n")
    (tmp_path / "g.yaml").write_text(guarded.replace("!has(credential.description) || ", ""))
    assert "no example of 'guarded' gives 'unknown'" in rules("lint", "g.yaml")[1]


def test_what_a_pack_switches_off_can_not_be_asked_for(rules, tmp_path):
    (tmp_path / "p.yaml").write_text("extends: [r.yaml]\noverrides: {owner: off}\nrules: []\n")
    assert rules("list", "--rules", "p.yaml", "--rule", "owner") == (2, "--rule owner: p.yaml:2 switches it off")
    assert rules("list", "--rules", "p.yaml") == (2, "no rule is left to run, so nothing would be checked")


# list


def test_list_as_a_table_json_and_markdown(rules):
    assert rules("list", "--rules", "r.yaml") == (0, "owner  low       Credentials name their owner\n")
    assert rules("list", "--rules", "r.yaml", "--json") == rules("list", "--rules", "r.yaml", "--format", "json")
    assert rules("list", "--rules", "r.yaml", "--format", "md")[1].splitlines()[2] == (
        "| `owner` | low | registry-credential | Credentials name their owner |"
    )


# test


def test_examples_in_files_of_their_own_count(rules, tmp_path):
    (tmp_path / "r.test.yaml").write_text(
        "tests:\n  - {rule: owner, name: beside, given: {id: a, name: shop}, params: {teams: [shop]}, expect: pass}\n"
    )
    assert rules("test", "r.yaml") == (0, "4 examples passed, 0 failed\n")
    (tmp_path / "other.test.yaml").write_text(
        "tests:\n  - {rule: owner, given: {id: a, name: web}, expect: fail, message: ours}\n"
    )
    code, out = rules("test", "r.yaml", "other.test.yaml")
    assert code == 1
    assert out.splitlines() == [
        "other.test.yaml:2: owner: example 5: expected fail, got pass",
        "  - fail",
        "  + pass: web: as it should be",
        "    require  = true",
        '      params.teams  = ["web"]',
        '      team  = "web"',
        "        credential.name.startsWith(team)  = true",
        '          credential.name  = "web"',
        "4 examples passed, 1 failed",
    ]


def test_a_message_that_differs_is_shown_as_a_difference(rules, tmp_path):
    (tmp_path / "r.yaml").write_text(RULE.replace("expect: fail}", "expect: fail, message: pull is nobody's}"))
    code, out = rules("test", "r.yaml")
    assert code == 1
    assert "  - pull is nobody's\n  + pull: Credentials name their owner\n" in out


def test_mistakes_in_examples_are_told_before_any_is_run(rules, tmp_path):
    (tmp_path / "r.test.yaml").write_text("tests:\n  - {rule: ower, given: {}, expect: pass}\n")
    code, out = rules("test", "r.yaml")
    assert code == 1
    assert out.startswith("r.test.yaml:2:12: no rule 'ower' (did you mean 'owner'?)\n   2 |   - {rule: ower")


def test_junit_has_a_case_for_each_example(rules, tmp_path):
    (tmp_path / "r.yaml").write_text(RULE.replace("name: web pull", 'name: "\\e[1m<pull>&"'))
    code, _ = rules("test", "r.yaml", "--junit", "out/j.xml")
    root = ET.fromstring((tmp_path / "out/j.xml").read_text())
    assert code == 1
    counts = {"tests": "3", "failures": "1", "errors": "0", "time": "0.000"}
    assert root.attrib == {"name": "northflank-audit rules test", **counts}
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("owner", "3", "1")
    assert [case.get("name") for case in suite] == ["by a team", "by nobody", "example 3"]
    assert {case.get("classname") for case in suite} == {"owner"}
    assert {case.get("file") for case in suite} == {"r.yaml"}
    (failure,) = suite[0]
    assert failure.get("message") == "expected pass, got fail"
    assert "\ufffd[1m<pull>&" in failure.text and "r.yaml:9" in failure.text


def test_coverage_tells_verdicts_that_no_example_shows_and_mutants_that_none_notices(rules, tmp_path):
    assert rules("test", "r.yaml", "--coverage")[1].splitlines()[:2] == [
        "r.yaml:6:27: warning: require: no example of 'owner' notices it when `exists` became `all`",
        "   6 |     require: params.teams.exists(team, credential.name.startsWith(team))",
    ]
    less = RULE.replace("      - {name: by nobody, given: {id: a, name: pull}, expect: fail}\n", "")
    (tmp_path / "r.yaml").write_text(less)
    code, out = rules("test", "r.yaml", "--coverage")
    assert code == 0
    assert "r.yaml:3:9: warning: no example of 'owner' gives 'fail'\n" in out
    assert out.endswith("2 examples passed, 0 failed\n2 things left open by the examples\n")
    assert rules("test", "r.yaml", "--coverage", "--strict")[0] == 1
    assert rules("test", "r.yaml", "--strict")[0] == 0


@pytest.mark.parametrize("pack", sorted({*packs()} - {"baseline", "everything", "strict"}))
def test_the_examples_of_the_shipped_rules_leave_nothing_open(rules, pack):
    code, out = rules("test", f"pack:{pack}", "--coverage", "--strict")
    assert (code, out.splitlines()[-1]) == (0, "nothing is left open")


@pytest.mark.parametrize("pack", ["baseline", "strict"])
def test_a_pack_that_overrides_parameters_passes_the_examples_of_its_rules(rules, pack):
    code, out = rules("test", f"pack:{pack}")
    assert (code, out.splitlines()[-1].split(", ")[1]) == (0, "0 failed"), out


def test_examples_in_a_file_beside_a_pack_are_about_the_rules_as_it_overrides_them(rules, tmp_path):
    (tmp_path / "ours.yaml").write_text("extends: [r.yaml]\noverrides:\n  owner: {params: {teams: [ops]}}\n")
    example = "tests:\n  - {rule: owner, given: {id: a, name: ops pull}, expect: pass}\n"
    (tmp_path / "ours.test.yaml").write_text(example)
    assert rules("test", "ours.yaml") == (0, "4 examples passed, 0 failed\n")


# explain


def test_explain_says_where_each_value_comes_from(rules, tmp_path):
    (tmp_path / "audit.yaml").write_text("rules: [r.yaml]\noverrides:\n  owner: {params: {teams: [x]}}\n")
    _, out = rules("explain", "owner")
    assert "severity\n  low  (default)\n" in out
    assert 'parameters\n  teams = ["x"]  (audit.yaml:3)\n' in out
    assert "defined in\n  r.yaml:3\n  SHA-256 " in out


def test_a_bundled_rule_that_is_not_selected_is_explained_with_the_pack_that_has_it(rules, tmp_path):
    code, out = rules("explain", "domain-old-tls")
    assert (code, "not selected\n  it is in pack:network\n" in out) == (0, True)
    assert "not selected" not in rules("explain", "domain-old-tls", "--rules", "pack:network")[1]
    (tmp_path / "i.json").write_text(json.dumps({"data": {"domains": [{"name": "example.com"}]}}))
    found = rules("explain", "domain-old-tls", "example.com", "--input", "domain=i.json")
    assert (found[0], "on domain example.com\n" in found[1]) == (0, True), found


def test_a_bundled_rule_that_is_not_selected_is_named_with_its_pack_wherever_it_is_looked_for(rules, tmp_path):
    problem = "no rule has the id 'domain-old-tls' among the selected rules: it is in pack:network; see: rules list"
    assert rules("list", "--rule", "domain-old-tls") == (2, problem)
    (tmp_path / "audit.yaml").write_text("overrides:\n  domain-old-tls: off\n")
    said = "audit.yaml:2:3: no rule 'domain-old-tls' among the selected rules: it is in pack:network"
    assert said in rules("list", "--config", "audit.yaml")[1]


def test_explain_shows_how_a_rule_was_evaluated_down_to_the_missing_field(rules, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [{"id": "a", "name": "web"}, {"id": "b"}]}))
    known = rules("explain", "owner", "b", "--rules", "r.yaml", "--input", "i.json")[1]
    assert known.endswith(
        "on registry credential b\n"
        "  unknown: b could not be evaluated: name is not known (the input has no details; use a snapshot of a live audit)\n"
        "  require  = unknown: `name` is missing\n"
        '    params.teams  = ["web"]\n'
        '    team  = "web"\n'
        "      credential.name.startsWith(team)  = missing: `name` is missing\n"
        "        credential.name  = missing: credential has no `name`\n"
    )
    assert rules("explain", "owner", "c", "--rules", "r.yaml", "--input", "i.json") == (
        2, "no registry-credential 'c' among 2",
    )  # fmt: skip
    code, out = rules("explain", "owner", "--rules", "r.yaml", "--input", "i.json")
    assert (code, "also name a resource" in out) == (2, True)


def test_explain_over_the_api_and_for_an_account(rules):
    code, out = rules("explain", "account-too-many-credentials", "account", "--demo", "--rules", "pack:account")
    assert code == 0
    assert out.endswith("  require  = true\n    size(resources)  = 61\n    params.max  = 100\n")
    _, out = rules("explain", "registry-credential-project-gone", "docker-hub-ci", "--demo", "--rules", "pack:account")
    assert "      project in projects  = true\n" in out


# schema


VALIDATORS = {kind: jsonschema.Draft202012Validator(make()) for kind, make in SCHEMAS.items()}
SHIPPED = [
    *((path, "rules") for path in sorted((ROOT / "rules").rglob("*.yaml"))),
    (ROOT / "northflank_audit/emulator/demo-audit.yaml", "config"),
    (ROOT / "northflank_audit/emulator/demo-waivers.yaml", "waivers"),
]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one_and_is_published(rules, kind):
    code, out = rules("schema", kind)
    jsonschema.Draft202012Validator.check_schema(json.loads(out))
    assert json.loads((ROOT / f"schemas/{kind}.schema.json").read_text()) == json.loads(out)
    assert code == 0


@pytest.mark.parametrize(("path", "kind"), SHIPPED, ids=[path.name for path, _ in SHIPPED])
def test_shipped_files_fit_their_schema_and_name_it_for_editors(path, kind):
    text = path.read_text()
    VALIDATORS[kind].validate(Document(text, path.name).value)
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == ROOT / f"schemas/{kind}.schema.json"


FORM = {
    "rules": ["key-misspelt", "key-missing", "severity-misspelt", "resource-misspelt", "id-with-a-blank", "require-empty",
              "require-is-a-boolean", "params-is-a-list", "controls-without-lists", "example-expects-misspelt",
              "example-without-verdict", "no-rule", "rules-is-a-map", "override-by-a-word", "override-severity-misspelt",
              "extends-no-text", "extends-no-list", "a-list", "unknown-top-key"],
    "waivers": ["a-list", "no-reason", "no-owner", "no-expiry", "blank-reason", "key-misspelt", "rule-is-a-list",
                "unknown-top-key", "waivers-null"],
    "config": ["a-list", "option-misspelt", "value-misspelt", "value-of-another-kind", "value-too-large", "value-null",
               "value-is-a-list", "format-unknown", "override-key-misspelt", "overrides-is-a-list", "email-is-a-list",
               "email-many-at-once", "email-password-in-the-file", "email-without-host"],
    "tests": ["no-list", "unknown-top-key", "rule-missing", "verdict-misspelt"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FORM.items() for name in names])
def test_what_lint_says_of_a_files_form_an_editor_says_as_well(kind, name):
    path = ROOT / f"tests/broken/{kind}/{name}{'.test' if kind == 'tests' else ''}.yaml"
    assert not VALIDATORS[kind].is_valid(Document(path.read_text(), name).value)


CONFIG = """
fail-on: high
team: payments
format: [html, json]
output: md=report.md
page-size: 50
timeout: 60.5
quiet: true
email-to: a@example.com
email:
  to: [b@example.com]
  from: audit@example.com
  when: changes
  smtp: {host: h, port: 587, security: starttls, username: audit, password-env: SMTP_PASSWORD}
overrides:
  registry-credential-stale: {severity: low, params: {max_age_days: 30}}
  registry-credential-name-pattern: off
"""


def test_a_config_of_every_kind_of_value_fits_its_schema():
    VALIDATORS["config"].validate(Document(CONFIG, "audit.yaml").value)
    VALIDATORS["config"].validate(Document(CONFIG.replace("payments", "[payments, web]"), "audit.yaml").value)
