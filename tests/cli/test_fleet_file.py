"""Mistakes in a fleet file are told with their places before anything is fetched."""

import pickle
from pathlib import Path

import pytest

from northflank_audit.cli.bare_run import bare_run
from northflank_audit.cli.fleet_clashes import FleetFiles
from northflank_audit.cli.fleet_file import TargetReader, read_fleet_file
from northflank_audit.errors import FileErrors


def read(tmp_path: Path, text: str, **flags):
    (tmp_path / "fleet.yaml").write_text(text)
    document = read_fleet_file(str(tmp_path / "fleet.yaml"))
    files = FleetFiles("/out", ["/out/fleet.prom"], ["/out/urls"])
    return TargetReader(document, bare_run(), flags, str(tmp_path), files).read()


MISTAKES = {
    "targets: []": "1:10: expects a list of at least one target",
    "defaults: {}": "1:1: expects a list of at least one target",
    "targets: [a]": "1:11: a target is a map with a 'name'",
    "targets: [{}]": "1:11: a target needs a 'name'",
    "target: [{name: a}]": "1:1: unknown key 'target' (did you mean 'targets'?)",
    "targets: [{name: 1}]": "1:18: YAML reads this as another kind of value: quote it",
    "targets: [{name: ../a}]": "1:18: a name has up to 100 letters",
    "targets: [{name: fleet.json}]": "1:18: a name has up to 100 letters",
    "targets: [{name: a}, {name: A}]": "1:29: the name 'A' is taken by the target in line 1",
    "targets: [{name: a, team: [b]}]": "1:21: unknown key 'team' (did you mean 'teams'?)",
    "targets: [{name: a, teams: b, all-teams: true}]": "1:11: --team and --all-teams exclude each other",
    "targets: [{name: a, options: {fail-onn: high}}]": "1:31: 'fail-onn' is no option (did you mean 'fail-on'?)",
    "targets: [{name: a, options: {fail-on: hihg}}]": "1:40: fail-on: 'hihg' is not one of",
    "targets: [{name: a, options: {teams: [b]}}]": "1:31: 'teams' stands in a target, beside 'options'",
    "targets: [{name: a, options: {output-dir: x}}]": "1:31: 'output-dir' is not an option of a target",
    "targets: [{name: a, options: {config: x}}]": "1:31: 'config'",
    "defaults: {output: [json=x.json]}\ntargets: [{name: a}, {name: b}]": "2:22: 'b' and 'a' would write to the same file",
    "targets: [{name: a, options: {output: [json=/out/b/report.json]}}, {name: b}]": "1:68: 'b' and 'a' would write to",
    "targets: [{name: a, options: {output: [md=/out/fleet.json]}}]": "1:11: 'a' would overwrite a file of the fleet, /out",
    "targets: [{name: a, options: {save-snapshot: fleet.yaml}}]": "1:11: 'a' would overwrite a file of the fleet, ",
    "targets: [{name: a, options: {output: [md=/out/fleet.prom]}}]": "1:11: 'a' would overwrite a file of the fleet, ",
    "targets: [{name: a, options: {output: [md=/out/urls]}}]": "1:11: 'a' would overwrite a file of the fleet, /out/urls",
    "targets: [{name: a, options: {save-snapshot: i.json}}, {name: b, input: [i.json]}]": (
        "1:11: 'a' would overwrite a file that a target reads, "
    ),
    "targets: [{name: a, options: {output: [json=t]}}, {name: b, token-file: t}]": "1:11: 'a' would overwrite a file that",
    "targets: [{name: a, options: {output: [json=w]}}, {name: b, options: {waivers: w}}]": "1:11: 'a' would overwrite a",
    "targets: [{name: a, options: {output: [csv=r/x.yaml]}}, {name: b, options: {rules: [r]}}]": "1:11: 'a' would over",
    "targets: [{name: b, input: [/out/fleet.json]}]": "1:10: the fleet would overwrite a file that a target reads, ",
    "targets: [{name: b, options: {waivers: /out/fleet.prom}}]": "1:10: the fleet would overwrite a file that a target",
    "targets: [{name: a}, {name: b, options: {compare: /out/a/report.json}}]": (
        "1:11: 'a' would overwrite the baseline of another target, /out/a/report.json"
    ),
    "targets: [{name: a, teams: []}]": "1:28: this is empty: omit the key, or give it a value",
    "targets: [{name: a, input: []}]": "1:28: this is empty: omit the key, or give it a value",
    "targets: [{name: a, token-env: }]": "1:21: expects the name of an environment variable",
    "targets: [{name: a, options: {output: [md=-]}}]": "1:39: a target has no standard output: name a file",
    "defaults: {notify-file: x}\ntargets: [{name: a}]": "1:12: 'notify-file' would send each target's report by itself",
    "targets: [{name: a, input: ['-']}]": "1:28: a target's input is a file, not standard input",
    "targets: [{name: a, input: [x], token-env: T}]": "1:28: a target with input needs no token",
    "targets: [{name: a, token-env: T, token-file: f}]": "1:21: the token comes from a variable or a file, not both",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path, text):
    with pytest.raises(FileErrors) as told:
        read(tmp_path, text)
    assert f"fleet.yaml:{MISTAKES[text]}" in str(told.value)


def test_all_mistakes_are_told_at_once_and_nothing_is_written(audit, tmp_path):
    (tmp_path / "fleet.yaml").write_text(
        "targets:\n- {name: ''}\n- {name: a, teams: 1}\n- {name: b, overrides: {x: off}}\n"
    )
    ended = audit("fleet", "fleet.yaml", NORTHFLANK_API_BASE_URL="http://127.0.0.1:9")
    assert ended.code == 2
    assert "fleet.yaml:2:" in ended.err
    assert "fleet.yaml:3:" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.yaml"]


def test_overrides_of_unknown_rules_are_mistakes_in_the_fleet_file(audit, tmp_path):
    (tmp_path / "fleet.yaml").write_text("targets:\n- name: b\n  overrides:\n    no-such-rule: off\n")
    ended = audit("fleet", "fleet.yaml")
    assert ended.code == 2
    assert "fleet.yaml:4:5: " in ended.err


def test_a_token_in_place_of_its_variable_is_refused_and_not_repeated(tmp_path):
    with pytest.raises(FileErrors) as told:
        read(tmp_path, "targets: [{name: a, token-env: nf-not-a-real-token}]")
    assert "expects the name of an environment variable" in str(told.value)
    assert "nf-not-a-real-token" not in "".join(each.with_excerpt for each in told.value.errors)


def test_targets_may_share_what_they_read_and_replace_their_own_baselines(tmp_path):
    (tmp_path / "w.yaml").write_text("waivers: []")
    shared = "{waivers: w.yaml, annotations: n, history: h.db, rules: [r]}"
    own = [f"{{name: {name}, token-file: t, options: {{compare: /out/{name}/report.json}}}}" for name in "ab"]
    assert len(read(tmp_path, f"defaults: {shared}\ntargets: [{', '.join(own)}]")) == 2


def test_a_flag_beats_a_targets_option_which_beats_a_default(tmp_path):
    text = "defaults: {fail-on: low, reserve: 1}\ntargets: [{name: a, options: {fail-on: high}}, {name: b}]"
    a, b = read(tmp_path, text)
    assert (a.settings.fail_on, b.settings.fail_on, a.settings.reserve) == ("high", "low", 1)
    a, b = read(tmp_path, text, fail_on="critical")
    assert (a.settings.fail_on, b.settings.fail_on) == ("critical", "critical")


def test_paths_are_relative_to_the_file_and_those_of_flags_to_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    options = "{rules: [r.yaml, 'pack:default'], waivers: ../w.yaml, output: [json=o.json], history: 'sqlite:///h.db'}"
    text = f"targets: [{{name: a, token-file: t, options: {options}}}, {{name: b, input: [i.json]}}]"
    a, b = (each.settings for each in read(tmp_path, text))
    assert a.rules == (f"{tmp_path}/r.yaml", "pack:default")
    assert a.waivers == f"{tmp_path.parent}/w.yaml"
    assert a.output == (("json", f"{tmp_path}/o.json"),)
    assert (a.history, a.token_file) == (f"sqlite:///{tmp_path}/h.db", f"{tmp_path}/t")
    assert b.input == (f"{tmp_path}/i.json",)
    assert (a.output_dir, b.output_dir) == ("/out/a", "/out/b")
    a, _ = (each.settings for each in read(tmp_path, text, waivers="w.yaml"))
    assert a.waivers == f"{tmp_path}/there/w.yaml"


def test_overrides_keep_their_lines_on_the_way_to_a_worker(tmp_path):
    (target,) = read(tmp_path, "targets:\n- name: a\n  overrides:\n    one: off\n    two: {severity: low}\n")
    there = pickle.loads(pickle.dumps(target.settings.config))
    for each in (target.settings.config, there):
        assert (each.line(("overrides", "one")), each.line(("overrides", "two", "severity"))) == (4, 5)
    assert there.identity == target.settings.config.identity
