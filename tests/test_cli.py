import subprocess
import sys

import pytest

from northflank_audit import cli
from tests.conftest import AUDIT


def ended(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["audit.py", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code


def test_a_mistake_of_ours_is_no_traceback_and_never_green(monkeypatch, capsys):
    monkeypatch.setattr("northflank_audit.runner.run", lambda *_: 1 / 0)
    assert ended(monkeypatch, "--demo") == 3
    assert "internal error: ZeroDivisionError" in capsys.readouterr().err


def test_verbose_shows_where_a_mistake_of_ours_is(monkeypatch, caplog):
    monkeypatch.setattr("northflank_audit.runner.run", lambda *_: 1 / 0)
    assert ended(monkeypatch, "--demo", "--verbose") == 3
    assert "internal error in:" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("", 1), ("--output json=- --include pass,notapplicable", 3)],  # the summary may be cut; a report may not
)
def test_a_reader_that_had_enough(tmp_path, arguments, code):
    command = f"'{sys.executable}' '{AUDIT}' --demo --format json {arguments} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        command, shell=True, executable="/bin/bash", cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr if code == 1 else "") == (code, "")
    assert "Traceback" not in done.stderr


def test_a_progress_bar_counts_on_a_terminal_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, "--demo", "--format", "json") == 1
    assert "judged" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    counted = []
    original = cli._progress

    def spy():
        counted.append(True)
        return original()

    monkeypatch.setattr(cli, "_progress", spy)
    assert ended(monkeypatch, "--demo", "--format", "json") == 1
    assert ended(monkeypatch, "--demo", "--format", "json", "--no-progress") == 1
    assert counted == [True]
