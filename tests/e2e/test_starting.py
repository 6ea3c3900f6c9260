"""The first steps and what selects rules, as a user types them."""

import json
import platform

from northflank_audit import __version__

NAMED = "registry-credential-unrestricted"


def test_what_init_writes_lints_is_shown_and_runs(audit, tmp_path):
    assert audit("init").code == 0
    assert audit("rules", "lint", "--strict").out == "20 rules, no mistake\n"
    shown = json.loads(audit("config", "show", "--json", NORTHFLANK_API_TOKEN="hunter2").out)["settings"]
    assert {"name": "rules", "value": ["pack:default", "my-rules.yaml"], "source": "audit.yaml:12"} in shown
    assert "hunter2" not in str(shown)
    ran = audit("--demo", "--config", "audit.yaml", "--format", "json")
    assert (ran.code, len(ran.report["rules"]) + len(ran.report["notConfigured"])) == (1, 20)
    assert "my-registry-credential-name" in [each["id"] for each in ran.report["notConfigured"]], (
        "it judges nothing yet"
    )
    assert audit("init").code == 2


def test_a_rule_is_shown_and_begun_as_a_file_that_lints_and_passes_its_examples(audit, tmp_path):
    (tmp_path / "mine.yaml").write_text(audit("rules", "show", NAMED).out)
    (tmp_path / "new.yaml").write_text(audit("rules", "new", "mine", "--type", "addon").out)
    assert audit("rules", "lint", "--strict", "mine.yaml", "new.yaml").out == "2 rules, no mistake\n"
    tested = audit("rules", "test", "--coverage", "--strict", "new.yaml")
    assert (tested.code, tested.out.splitlines()[-1]) == (0, "nothing is left open")


def test_a_value_that_does_not_fit_a_parameter_ends_before_anything_is_fetched(audit, tmp_path):
    (tmp_path / "audit.yaml").write_text(
        "overrides:\n  registry-credential-provider-allowed: {params: {allowed: [gitub]}}\n"
        '  registry-credential-host-allowed: {params: {allowed: ["https://harbor.example.com"]}}\n'
    )
    ended = audit("--api-url", "http://127.0.0.1:9", NORTHFLANK_API_TOKEN="t")
    assert (ended.code, ended.out) == (2, "")
    assert "audit.yaml:2:61: 'registry-credential-provider-allowed': allowed: 'gitub' is not one of" in ended.err
    assert "(did you mean 'github'?)" in ended.err
    assert "audit.yaml:3:57: " in ended.err
    assert "write harbor.example.com" in ended.err
    assert not (tmp_path / "reports").exists()


def test_rules_are_selected_and_one_framework_shown_and_violations_are_headed_by_what_is_wrong(audit, tmp_path):
    record = {"id": "a", "name": "Ann's", "restrictions": {"restricted": False, "projects": []}}
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [record]}))
    ended = audit(
        "--input", "i.json", "--control", "soc2:CC6.1", "--min-severity", "high", "--framework", "soc2",
        "--on-unknown", "ignore",
    )  # fmt: skip
    assert ended.code == 1
    assert "Registry credential that every project can use" in ended.out
    assert "'Ann's' is not restricted" in ended.out
    assert [each["id"] for each in ended.report["compliance"]] == ["soc2"]
    assert all("CC6.1" in rule["controls"]["soc2"] for rule in ended.report["rules"])
    assert all(rule["severity"] in ("high", "critical") for rule in ended.report["rules"])
    assert audit("--input", "i.json", "--control", "sco2").code == 2


def test_the_version_is_told_with_those_of_the_engine_and_python(audit):
    told = json.loads(audit("--version", "--json").out)
    assert (told["northflank-audit"], told["python"]) == (__version__, platform.python_version())
    assert audit("--version").out.splitlines()[0] == f"northflank-audit, version {__version__}"
