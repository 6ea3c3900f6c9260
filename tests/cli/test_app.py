import contextlib
import json
import os
import re
import subprocess
import sys

import pytest

from northflank_audit.cli import app, run_command
from tests.conftest import AUDIT, QUICK


def ended(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["audit.py", *arguments])
    with pytest.raises(SystemExit) as caught:
        app.main()
    return caught.value.code


def test_a_mistake_of_ours_is_no_traceback_and_never_green(monkeypatch, capsys):
    monkeypatch.setattr("northflank_audit.audit.runner.run", lambda *_: 1 / 0)
    assert ended(monkeypatch, "--demo") == 3
    assert "internal error: ZeroDivisionError" in capsys.readouterr().err


def test_verbose_shows_where_a_mistake_of_ours_is(monkeypatch, caplog):
    monkeypatch.setattr("northflank_audit.audit.runner.run", lambda *_: 1 / 0)
    assert ended(monkeypatch, "--demo", "--verbose") == 3
    assert "internal error in:" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("", 1), ("--output json=- --include pass,notapplicable", 3)],  # the summary may be cut; a report may not
)
def test_a_reader_that_had_enough(tmp_path, arguments, code):
    command = (
        f"'{sys.executable}' '{AUDIT}' {' '.join(QUICK)} --format json {arguments} | true; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        command, shell=True, executable="/bin/bash", cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr if code == 1 else "") == (code, "")
    assert "Traceback" not in done.stderr


def test_a_progress_bar_counts_on_a_terminal_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, *QUICK, "--format", "json") == 1
    assert "evaluated" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    counted = []
    original = run_command._progress

    def spy():
        counted.append(True)
        return original()

    monkeypatch.setattr(run_command, "_progress", spy)
    assert ended(monkeypatch, *QUICK, "--format", "json") == 1
    assert ended(monkeypatch, *QUICK, "--format", "json", "--no-progress") == 1
    assert counted == [True]


@pytest.mark.parametrize("unusable", [">/dev/full", ">&-", "2>/dev/full", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("fail_on", "code"), [("low", 1), ("never", 0)])
def test_where_nobody_can_be_told_the_verdict_stands(tmp_path, unusable, fail_on, code):
    done = in_bash(
        tmp_path, f"{' '.join(QUICK)} --format json --fail-on {fail_on} --quiet", f"--output md=x.md {unusable}"
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert json.loads((tmp_path / "reports/report.json").read_text())["exitCode"] == code


@pytest.mark.parametrize("unusable", [">/dev/full", ">&-"])
def test_a_report_that_standard_output_does_not_take_is_missing(tmp_path, unusable):
    done = in_bash(tmp_path, f"{' '.join(QUICK)} --format json --fail-on never --output md=-", unusable)
    assert done.returncode == 3
    assert "incomplete: standard output could not be written (" in done.stderr


FULL = "standard output could not be written (No space left on device)\n"


@pytest.fixture(params=["full", "left"])
def unusable_output(request):
    if request.param == "full":
        stream = open("/dev/full", "w")  # noqa: PTH123, SIM115 - a device
    else:
        reader, writer = os.pipe()
        os.close(reader)
        stream = open(writer, "w")  # noqa: PTH123, SIM115 - a pipe whose reader had enough
    yield stream, request.param == "full"
    with contextlib.suppress(OSError):
        stream.close()


@pytest.mark.parametrize("arguments", [("rules", "list"), ("rules", "lint"), ("formats",), ("--version",)])
def test_what_standard_output_does_not_take_is_no_internal_error(monkeypatch, capsys, unusable_output, arguments):
    stream, is_full = unusable_output
    monkeypatch.setattr("sys.stdout", stream)
    assert ended(monkeypatch, *arguments) == 3
    assert capsys.readouterr().err == (f"northflank-audit: {FULL}" if is_full else "")


def green_fleet(folder):
    (folder / "i.json").write_text('{"credentials": [{"id": "a", "name": "A"}]}')
    (folder / "r.yaml").write_text(
        "rules: [{id: r, title: T, severity: low, resource: registry-credential, require: \"credential.name == 'A'\"}]"
    )
    (folder / "fleet.yaml").write_text("targets: [{name: a, input: [i.json], options: {rules: r.yaml}}]")


def test_the_verdict_of_a_fleet_stands_though_nobody_reads_its_summary(monkeypatch, tmp_path, capsys, unusable_output):
    stream, is_full = unusable_output
    green_fleet(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout", stream)
    assert ended(monkeypatch, "fleet", "fleet.yaml") == 0
    assert capsys.readouterr().err == (f"northflank-audit: the summary is missing: {FULL}" if is_full else "")


LONG = "x" * 300
"""A name that the system refuses to look up, as it does in a folder of another user."""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--demo", "--rules", LONG), 2),
        (("rules", "lint", LONG), 2),
        (("rules", "test", LONG), 2),
        (("emulator", "--data", LONG), 2),
        (("history", "runs", "--history", LONG), 3),
        (("--input", "i.json", "--rules", "r.yaml", "--output-dir", LONG), 3),
        (("--input", "i.json", "--rules", "r.yaml", "--save-snapshot", f"{LONG}/x"), 3),
        (("--input", "i.json", "--rules", "r.yaml", "--metrics-file", f"{LONG}/x.prom"), 3),
        (("fleet", "fleet.yaml", "--output-dir", LONG), 3),
    ],
    ids=lambda each: " ".join(each).replace(LONG, "LONG") if isinstance(each, tuple) else None,
)
def test_a_path_that_the_system_refuses_to_look_up_is_named_with_the_reason(
    monkeypatch, tmp_path, capsys, arguments, code
):
    green_fleet(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, *arguments) == code
    output = "".join(capsys.readouterr())
    assert LONG in output
    assert re.search("File name too long|unable to open database file|its folder does not exist", output)


@pytest.mark.parametrize(
    "arguments",
    [("fleet.yaml", "--output-dir", ""), ("fleet.yaml", "--scheduler", " "), ("merge", ".", "--output-dir", "")],
)
def test_an_empty_flag_of_a_fleet_is_refused(monkeypatch, tmp_path, capsys, arguments):
    green_fleet(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, "fleet", *arguments) == 2
    assert "the value is empty" in capsys.readouterr().err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fleet.yaml", "i.json", "r.yaml"]


@pytest.mark.parametrize("arguments", ["--nonsense", "--compare nowhere"])
def test_what_can_not_start_ends_with_2_though_nobody_can_be_told(tmp_path, arguments):
    assert in_bash(tmp_path, f"--demo {arguments}", "2>/dev/full").returncode == 2


def in_bash(folder, arguments, redirected):
    command = f"'{sys.executable}' '{AUDIT}' {arguments} {redirected}"
    return subprocess.run(
        command, shell=True, executable="/bin/bash", cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_report_on_standard_output_is_utf_8_whatever_the_locale(monkeypatch, tmp_path):
    (tmp_path / "i.json").write_text('{"credentials": [{"id": "a", "name": "Ä"}]}', encoding="utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = in_bash(tmp_path, "--input i.json --details never --format json --output json=-", ">out.json 2>/dev/null")
    assert done.returncode == 3
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "reports/report.json").read_bytes()
    assert "Ä" in (tmp_path / "out.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(("quiet", "count"), [((), 3), (("--quiet",), 1)])
def test_all_that_standard_error_holds_is_json_where_the_summary_makes_room(
    monkeypatch, tmp_path, capsys, quiet, count
):
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, *QUICK, "--format", "json", "--output", "md=-", "--log-format", "json", *quiet) == 1
    entries = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(entries) == count
    assert entries[-1]["message"].startswith("VIOLATED")
    assert entries[-1]["level"] == "warning"


def test_no_progress_is_drawn_between_json_lines(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(run_command, "_progress", lambda: 1 / 0)
    assert ended(monkeypatch, *QUICK, "--format", "json", "--log-format", "json") == 1


def test_an_earlier_report_that_is_nested_without_end_is_none(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    nested = '{"a":' * 100_000 + "1" + "}" * 100_000
    (tmp_path / "earlier.json").write_text(f'{{"schemaVersion": "1.0", "x": {nested}}}')
    assert ended(monkeypatch, "--demo", "--compare", "earlier.json") == 2
    assert "--compare earlier.json: not a report.json of this tool" in capsys.readouterr().err


def test_help_that_standard_output_does_not_take(tmp_path):
    done = in_bash(tmp_path, "--help", ">/dev/full")
    assert done.returncode == 3
    assert done.stderr == "northflank-audit: standard output could not be written (No space left on device)\n"


def test_a_working_folder_that_is_gone_is_told(monkeypatch, tmp_path, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for arguments in (QUICK, ("config", "show")):
        assert ended(monkeypatch, *arguments) == 3
        assert "no verdict: the working folder can't be used (No such file" in capsys.readouterr().err
