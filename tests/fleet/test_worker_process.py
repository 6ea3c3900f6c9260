"""A process that runs targets ends whole, and leaves nothing behind."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from northflank_audit.emulator import Fault
from northflank_audit.fleet import worker_process
from northflank_audit.fleet.worker_process import WorkerEnded, WorkerProcess
from tests.conftest import AUDIT, NET, UNHURRIED, until
from tests.fleet.conftest import TEAMS, TOKENS, without_runs


def test_work_is_done_or_says_why_not(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_process, "LEAVE_SECONDS", NET)
    worker = WorkerProcess(2)
    halfway, result = worker.submit("tests.fleet.misbehaving:half")
    assert halfway.result(NET) is None
    assert result.result(NET) != os.getpid()
    halfway, result = worker.submit("tests.fleet.misbehaving:divided")
    with pytest.raises(Exception, match="^ZeroDivisionError$"):
        result.result(NET)
    assert not halfway.done()
    _, hanging = worker.submit("tests.fleet.misbehaving:write_half", str(tmp_path / "half.tmp"))
    until((tmp_path / "half.tmp").exists)
    worker.stop()
    with pytest.raises(WorkerEnded):
        hanging.result(NET)
    assert not (tmp_path / "half.tmp").exists(), "temporary files are removed"
    assert worker.has_ended
    with pytest.raises(WorkerEnded):
        worker.submit("tests.fleet.misbehaving:half")[1].result(NET)


def test_a_process_that_ends_by_itself_leaves_no_file_open():
    worker = WorkerProcess(1)
    worker.kill()
    with pytest.raises(WorkerEnded):
        worker.submit("tests.fleet.misbehaving:half")[1].result(NET)
    assert worker._work.closed
    assert worker._results.closed


@pytest.fixture
def begun(everyone, serve, tmp_path):
    """Start `fleet` as a process; return it and its workers when it is in mid run."""
    silent = Fault(path=f"/v1/teams/{TEAMS[4]}/*", nth=1, stall="head")
    started = []

    with serve(silent) as server:

        def begin():
            command = [*UNHURRIED, "fleet", str(everyone), "--output-dir", "out"]
            environment = {"PATH": os.environ["PATH"], "NORTHFLANK_API_BASE_URL": server.url, **TOKENS}
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
            started.append(process)
            until(lambda: any(TEAMS[4] in each.path for each in server.requests))
            children = psutil.Process(process.pid).children(recursive=True)
            return process, [each for each in children if "worker_process" in " ".join(each.cmdline())]

        yield begin
        for each in started:
            each.kill()
            each.communicate(timeout=NET)


def gone(worker) -> bool:
    try:
        return not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # since the first of the two
        return True


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_fleet_that_is_stopped_leaves_no_process_and_nothing_half_written(begun, tmp_path, number, code):
    process, workers = begun()
    assert workers
    process.send_signal(number)
    assert process.wait(NET) == code
    until(lambda: all(map(gone, workers)))
    assert not list(tmp_path.glob("out/**/*.tmp"))
    assert not (tmp_path / "out/fleet.json").exists()


def test_a_worker_that_is_killed_in_mid_run_changes_nothing(begun, fleet, everyone, tmp_path):
    process, workers = begun()
    for each in workers:
        each.kill()
    assert process.wait(NET) == 3
    assert fleet(everyone, "--jobs", 1, "--output-dir", "one").code == 3
    assert without_runs(tmp_path / "out/fleet.json") == without_runs(tmp_path / "one/fleet.json")


@pytest.mark.parametrize("isolated", [[], ["-I"]])
def test_no_process_imports_modules_of_the_working_folder(everyone, emulator, tmp_path, isolated):
    """A checkout of someone else's may have a signal.py, which would run with the tokens."""
    for name in ("signal", "pickle", "random", "socket", "json", "northflank_audit"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w')")
    command = [sys.executable, *isolated, str(AUDIT), "fleet", str(everyone), "--output-dir", "out"]
    environment = {"PATH": os.environ["PATH"], "NORTHFLANK_API_BASE_URL": emulator.url, **TOKENS}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=NET, check=False
    )
    assert (ended.returncode, ended.stderr) == (3, "")
    assert not list(tmp_path.glob("ran-*"))
