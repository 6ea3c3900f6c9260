"""What the machine itself can do to an audit: no memory, no disk, no names, a crash."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from tests.conftest import AUDIT, NET, RULES, until
from tests.faults.conftest import OPTIONS, TOKEN, assert_nothing_leaked

LIMITED = """
import os, resource, sys
limit = getattr(resource, sys.argv[1])
resource.setrlimit(limit, (int(sys.argv[2]),) * 2)
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""


@pytest.fixture
def limited(tmp_path):
    """Run `audit.py` against a server, under one of the system's limits."""
    (tmp_path / "rules.yaml").write_text(RULES)

    def run(server, name, value, *options):
        return subprocess.run(
            [sys.executable, "-c", LIMITED, name, str(value), str(AUDIT), *OPTIONS, *options], cwd=tmp_path, check=False,
            capture_output=True, text=True, timeout=NET,
            env={"PATH": os.environ["PATH"], "NORTHFLANK_API_TOKEN": TOKEN, "NORTHFLANK_API_BASE_URL": server.url},
        )  # fmt: skip

    return run


MEMORY = 700 * 2**20
"""Bytes of address space, most of it the threads' stacks and mapped libraries: an audit ran in 450 MiB."""


def test_a_usual_audit_needs_little_memory(limited, serve, tmp_path):
    done = limited(serve(), "RLIMIT_AS", MEMORY)
    assert (done.returncode, done.stdout[:8]) == (1, "VIOLATED")


@pytest.mark.parametrize(
    "fault",
    [
        {"body": " " * 1000, "repeat": 1_000_000, "gzip": True},
        {"body": "[" * 1000, "repeat": 1000},
        {"body": '{"data": {"credentials": [' + "{}," * 1000, "repeat": 10_000},
        {
            "raw": "HTTP/1.1 200 OK\r\nContent-Length: 30000002\r\nConnection: close\r\n\r\n["
            + "[]," * 10_000_000
            + "0]"
        },
    ],
    ids=["zipped", "nested", "broken", "wide"],
)
def test_a_bomb_in_little_memory_makes_the_audit_incomplete(limited, serve, tmp_path, fault):
    server = serve({"faults": [{"path": "*/registries", "query": {"cursor": "*"}, **fault}]})
    done = limited(server, "RLIMIT_AS", MEMORY)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "page 2" in done.stdout
    assert '"complete": false' in (tmp_path / "reports/report.json").read_text()


def test_a_report_that_the_disk_has_no_room_for_leaves_the_old_one(limited, serve, tmp_path):
    """The system's limit on a file's size stands for a quota: writing fails in the midst, as on a full disk."""
    (tmp_path / "reports").mkdir()
    for name in ("report.html", "report.md", "report.json"):
        (tmp_path / "reports" / name).write_text("old")
    done = limited(serve(), "RLIMIT_FSIZE", 6000)
    assert done.returncode == 3
    assert "report.html could not be written (File too large)" in done.stdout + done.stderr
    assert (tmp_path / "reports/report.html").read_text() == "old"
    assert "INCOMPLETE" in (tmp_path / "reports/report.md").read_text()
    assert "report.html could not be written" in (tmp_path / "reports/report.json").read_text()
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["report.html", "report.json", "report.md"]


def test_a_full_disk_for_the_snapshot_and_a_report(run, serve):
    if not os.path.exists("/dev/full"):  # noqa: PTH110 - a device
        pytest.skip("there is no /dev/full on this system")
    ended = run(serve(), "--save-snapshot", "/dev/full", "--output", "md=/dev/full")
    reasons = ended.report["run"]["incompleteReasons"]
    assert (ended.code, len(reasons)) == (3, 2)
    assert all("/dev/full could not be written (No space left on device)" in reason for reason in reasons)


SLOW_NAMES = """
import socket, time
asked, monotonic = [], time.monotonic
def slow(*args, **options):
    asked.append(monotonic())
    time.sleep(600)
socket.getaddrinfo = slow
time.monotonic = lambda: monotonic() - asked[0] if asked else 0.0
"""
"""No name is resolved, and the run's time begins when the first is asked for, however long the start takes."""


def test_names_that_are_not_resolved_do_not_outlast_the_deadline(run_process, tmp_path, serve):
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(SLOW_NAMES)
    ended = run_process(
        serve(), "--timeout", "1", NORTHFLANK_API_BASE_URL="https://api.test", PYTHONPATH=str(tmp_path / "path")
    )
    assert ended.code == 3
    assert "page 1: the host's name was not resolved in time" in ended.report["run"]["incompleteReasons"][0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_crash_leaves_no_core(serve, tmp_path):
    server = serve({"faults": [{"path": "*", "stall": 0}]})
    environment = {**os.environ, "NORTHFLANK_API_TOKEN": TOKEN, "NORTHFLANK_API_BASE_URL": server.url}
    process = subprocess.Popen(
        [sys.executable, "-c", LIMITED, "RLIMIT_CORE", str(resource.getrlimit(resource.RLIMIT_CORE)[1]), str(AUDIT)],
        cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: server.requests or process.poll() is not None)  # then the process waits for the answer
    with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:  # noqa: PTH123 - no file
        (line,) = [line for line in file if line.startswith("Max core file size")]
    process.send_signal(signal.SIGABRT)
    process.communicate(timeout=NET)
    assert line.split()[4:6] == ["1", "1"]
    assert process.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verbose", [True, False])
def test_a_mistake_of_our_own_is_told_without_the_token(run, serve, tmp_path, verbose):
    """What no test foresees, here by an emulated mistake deep inside, with the token in the error's text."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(
        "import os, msgspec.json\ndef decode(*_):\n    raise ZeroDivisionError(os.environ['NORTHFLANK_API_TOKEN'])\nmsgspec.json.decode = decode\n"
    )
    done = subprocess.run(
        [sys.executable, str(AUDIT), *(["--verbose"] if verbose else [])], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "path"), "NORTHFLANK_API_TOKEN": TOKEN,
             "NORTHFLANK_API_BASE_URL": serve().url},
    )  # fmt: skip
    assert done.returncode == 3
    assert "internal error: ZeroDivisionError" in done.stderr
    assert ("internal error in:\n" in done.stderr and "client.py" in done.stderr) is verbose
    assert TOKEN not in done.stdout + done.stderr


def test_nothing_leaks_from_a_process_either(run_process, serve):
    assert_nothing_leaked(run_process(serve(), "--details", "always"))
