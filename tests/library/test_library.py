"""The public API: an audit for other programs, which prints, logs and ends nothing."""

import dataclasses
import json
import logging
import re
import signal
import subprocess
import sys
import threading

import click
import msgspec
import pytest
from msgspec import UNSET

import northflank_audit
from northflank_audit import AuditSettings, Report, StartError, audit, read_report
from northflank_audit.cli.bare_run import bare_run
from northflank_audit.emulator import Emulator, load
from northflank_audit.formats import FORMATS
from northflank_audit.library.audit_settings import BESIDES_OPTIONS
from northflank_audit.library.audit_settings import AuditSettings as Internal
from tests.conftest import ROOT
from tests.formats.conftest import full, incomplete, report

__all__ = ["full", "incomplete", "report"]

PAGE = (ROOT / "docs/library.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
WARNING = "import logging\nlogging.getLogger('northflank_audit.client').warning('not heard')"
"""What Python's handler of last resort would print to standard error."""
NOT_SETTINGS = {
    *("output_dir", "format", "output", "csv_dialect"),  # where reports go
    *("email_to", "notify_file", "notify_when", "metrics_file", "metrics_push", "heartbeat"),  # who is told
    *("quiet", "verbose", "log_format", "no_progress", "no_color"),  # what is printed
}
"""Options of `run` that are the calling program's own business."""
DEMO = AuditSettings(demo=True, rules="pack:default")


def test_the_example_runs_as_the_page_has_it():
    """In a process of its own, as a user would run it, from a folder that is not the checkout."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLE + WARNING],
        env={"PYTHONPATH": str(ROOT)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 35
    assert "high registry-credential-" in done.stdout


def test_importing_the_package_imports_nothing_else():
    script = "import sys; before = set(sys.modules); import northflank_audit; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    ours = {name for name in done.stdout.split() if name.startswith("northflank_audit")}
    assert ours == {"northflank_audit"}
    assert not {"msgspec", "click", "requests"} & set(done.stdout.split())


def test_the_public_names_are_those_of_the_page():
    rows = re.findall(r"^\| `(\w+)[^|]*\|", PAGE, re.MULTILINE)
    more = re.findall(r"^\| `\w+`, `(\w+)`", PAGE, re.MULTILINE)
    assert sorted([*rows, *more]) == sorted(northflank_audit.__all__) == sorted(dir(northflank_audit))
    for name in northflank_audit.__all__:
        assert getattr(northflank_audit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Settings'"):
        northflank_audit.Settings  # noqa: B018 - the access is what is tested


def test_audit_is_a_function_whatever_was_imported_before():
    import northflank_audit.audit.runner  # noqa: PLC0415 - the package of that name

    assert callable(northflank_audit.audit)
    assert northflank_audit.audit is audit


def test_every_option_of_run_is_a_setting_or_the_programs_own_business():
    options = {param.name for param in bare_run().params}
    named = {field.name for field in dataclasses.fields(Internal)}
    assert named - set(BESIDES_OPTIONS) == options - NOT_SETTINGS
    listed = re.search(r"\n\n((?:`\w+`[,\n ]*)+)\n\n- `token` is", PAGE)[1]
    assert set(re.findall(r"`(\w+)`", listed)) == named


def test_what_is_omitted_has_the_options_default():
    with click.Context(bare_run()) as ctx:
        defaults = {param.name: param.get_default(ctx) for param in ctx.command.params}
    settings = AuditSettings(demo=True).checked()
    for name in ("page_size", "max_attempts", "timeout", "details", "on_unknown", "absent", "console_url", "reserve"):
        assert getattr(settings, name) == defaults[name], name
    assert settings.fail_on == defaults["fail_on"]


def test_it_audits_twice_in_a_process_and_from_a_thread(capfd):
    found = [audit(DEMO)]
    thread = threading.Thread(target=lambda: found.append(audit(DEMO)))
    thread.start()
    thread.join()
    assert {(each.summary.fail, each.exit_code, each.run.complete) for each in found} == {(35, 1, True)}
    assert len({each.run.id for each in found}) == 2
    assert capfd.readouterr() == ("", "")


def test_it_leaves_signals_and_logging_as_they_are():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    wakeup = signal.set_wakeup_fd(-1)
    root = list(logging.root.handlers)
    audit(DEMO)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert signal.set_wakeup_fd(-1) == wakeup == -1
    assert logging.root.handlers == root
    assert logging.getLogger("northflank_audit").level == logging.NOTSET


def test_an_incomplete_audit_is_a_report_and_says_nothing_by_itself(capfd, monkeypatch):
    with Emulator(load(None)) as emulator:
        monkeypatch.setenv("NORTHFLANK_API_BASE_URL", emulator.url)  # a token goes with its address
        monkeypatch.setenv("NORTHFLANK_AUDIT_FAIL_ON", "never")  # of the command line alone
        wrong = audit(AuditSettings(token="wrong", rules="pack:default"))
        right = audit(AuditSettings(token=emulator.token, rules="pack:default"))
    assert (wrong.run.complete, wrong.exit_code) == (False, 3)
    assert "401" in wrong.run.incomplete_reasons[0]
    assert (right.exit_code, right.gate.fail_on) == (1, "info")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "no API token"),
        ({"token": " "}, "the API token is empty"),
        ({"token": "t", "demo": True}, "token: omit it"),
        ({"demo": True, "input": "a.json"}, "--demo brings its own API"),
        ({"demo": True, "page_size": 0}, "'--page-size': '0' is not a whole number"),
        ({"demo": True, "timeout": float("nan")}, "'--timeout': 'nan' is not"),
        ({"demo": True, "fail_on": "hgih"}, "'hgih' is not one of"),
        ({"demo": "yes"}, "demo: expects True or False, not str"),
        ({"demo": True, "rule": [b"x"]}, "rule: expects text, a number or a path, not bytes"),
        ({"demo": True, "rule": ""}, "the value is empty"),
        ({"demo": True, "rules": "nope.yaml"}, "nope.yaml: can't be read"),
        ({"demo": True, "overrides": {"nope": "off"}}, "AuditSettings.overrides:3:3: no rule 'nope'"),
        ({"demo": True, "overrides": {"nope": {1}}}, "overrides: Object of type set"),
        ({"demo": True, "compare": "reports/report.json"}, "reports/report.json: can't be read"),
    ],
    ids=str,
)
def test_what_is_wrong_is_an_exception_before_anything_is_fetched(settings, problem, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NORTHFLANK_API_TOKEN", raising=False)
    monkeypatch.delenv("NF_API_TOKEN", raising=False)
    with pytest.raises(StartError, match=re.escape(problem)):
        audit(AuditSettings(**settings))


def test_the_token_shows_in_no_repr():
    assert "s3cret" not in repr(AuditSettings(token="s3cret"))


def test_values_and_paths_are_as_the_command_line_has_them(tmp_path):
    settings = AuditSettings(
        input=[tmp_path / "a.json", "addon@shop=b.json"], include=("pass", "notapplicable"), rule="--odd", timeout=1.5
    ).checked()
    assert settings.input == (str(tmp_path / "a.json"), "addon@shop=b.json")
    assert {*settings.include} == {"pass", "notapplicable"}
    assert (settings.rule, settings.timeout) == (("--odd",), 1.5)
    tuned = audit(AuditSettings(demo=True, rules="pack:default", overrides={"registry-credential-stale": "off"}))
    assert tuned.excluded_rules["registry-credential-stale"] == "AuditSettings.overrides:3"


def test_no_config_file_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.yaml").write_text("fail-on: never\nnonsense: true\n")
    assert audit(DEMO).exit_code == 1


@pytest.mark.parametrize("which", ["report", "full", "incomplete"])
def test_what_is_written_is_read_again(which, request, tmp_path):
    made = request.getfixturevalue(which)
    file = tmp_path / "report.json"
    file.write_text(FORMATS["json"].render(made), encoding="utf-8")
    assert msgspec.structs.replace(read_report(file), resolved=made.resolved) == made
    assert isinstance(read_report(str(file)), Report)


def test_a_report_of_version_1_0_is_read_for_ever():
    """The file is never renewed: what it holds is what 1.x promises to those who read it."""
    old = read_report(ROOT / "tests/library/report-1.0.json")
    assert (old.schema_version, old.run.id, old.exit_code) == ("1.0", "0123456789abcdef", 1)
    assert [each.status for each in old.results] == ["fail", "unknown", "fail", "pass"]
    assert old.resolved is not UNSET


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schemaVersion": "1.0"}', "{" * 5000, '{"a": 1, "a": 2}'])
def test_what_is_no_report_is_an_error_for_people(text, tmp_path):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(StartError, match=r"x\.json: not a report\.json of this tool"):
        read_report(file)
    with pytest.raises(StartError, match="can't be read"):
        read_report(tmp_path / "nope")


def test_a_report_of_another_version_is_not_taken_for_this_one(full, tmp_path):
    other = json.loads(FORMATS["json"].render(full)) | {"schemaVersion": "2.0"}
    (tmp_path / "x.json").write_text(json.dumps(other))
    with pytest.raises(StartError, match="2.0"):
        read_report(tmp_path / "x.json")


def test_a_fleet_in_threads_prints_and_writes_nothing_unless_asked_to(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yaml").write_text(
        "targets: [{name: a, input: [i.json]}, {name: b, input: [i.json]}, {name: lost, input: [none.json]}]"
    )
    one = {"id": "a", "name": "A", "provider": "github", "restrictions": {"restricted": False}}
    saved = {"data": {"credentials": [one]}, "pagination": {"hasNextPage": False, "count": 1}}
    (tmp_path / "i.json").write_text(json.dumps(saved))
    report = northflank_audit.audit_fleet("fleet.yaml", jobs=2)
    assert [(each.name, each.exit_code) for each in report.targets] == [("lost", 2), ("a", 3), ("b", 3)]
    assert report.exit_code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet.yaml", "i.json"]
    northflank_audit.audit_fleet("fleet.yaml", jobs=2, output_dir="out")
    assert (tmp_path / "out/a/report.json").exists()
    assert capfd.readouterr() == ("", "")
    (tmp_path / "wrong.yaml").write_text("targets: [{nam: a}]")
    with pytest.raises(StartError, match=r"wrong.yaml:1:12: unknown key 'nam'"):
        northflank_audit.audit_fleet("wrong.yaml")
