"""A signal ends the process, wherever in it the signal comes and however many follow."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import AUDIT, NET, RULES, UNHURRIED
from tests.faults.conftest import TOKEN

RUN = """
import os, signal, threading, time
from northflank_audit import stopping
from northflank_audit.errors import Stopped
from northflank_audit.stopping import Watch, before_leaving
watch = Watch()
watch.start()
def send(number):
    os.kill(os.getpid(), number)
    for _ in range(1000):  # the handler runs between two instructions
        pass
"""


def ended(script):
    done = subprocess.run(
        [sys.executable, "-c", RUN + script], capture_output=True, text=True, timeout=NET, check=False, cwd=AUDIT.parent
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_whose_exception_python_drops_ends_the_process_all_the_same(number):
    """An exception in `__del__` or in a weak reference's callback is printed, and then forgotten."""
    script = f"""
class Dying:
    def __del__(self):
        send({int(number)})
gone_on = threading.Event()
before_leaving(lambda: gone_on.wait({NET}) and print("removed", flush=True))
dying = Dying()
del dying
print("goes on", flush=True)
gone_on.set()
time.sleep({10 * NET})
"""
    assert ended(script) == (128 + number, "goes on\nremoved\n", "")


def test_a_signal_that_a_library_swallows_ends_the_process_all_the_same():
    script = f"""
try:
    send(signal.SIGTERM)
except BaseException:
    pass
time.sleep({10 * NET})
"""
    assert ended(script)[0] == 143


def test_a_second_signal_does_not_disturb_the_cleaning_up_after_the_first():
    script = f"""
stopping.GRACE = {10 * NET}
try:
    try:
        send(signal.SIGTERM)
    finally:
        send(signal.SIGINT)
        send(signal.SIGTERM)
        print("cleaned up", flush=True)
except Stopped as stop:
    os._exit(128 + stop.signal_number)
"""
    assert ended(script) == (143, "cleaned up\n", "")


def test_a_signal_after_the_outcome_is_decided_is_no_traceback():
    script = f"""
stopping.GRACE = {10 * NET}
watch.settled = True
send(signal.SIGTERM)
print("end", flush=True)
os._exit(1)
"""
    assert ended(script) == (1, "end\n", "")


ROUNDS = 6


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_two_signals_at_any_distance_are_as_one(serve, tmp_path, seed):
    chosen = random.Random(seed)
    server = serve({"faults": [{"path": "*/registries", "stall": 0}]})
    (tmp_path / "rules.yaml").write_text(RULES)
    environment = {**os.environ, "NORTHFLANK_API_TOKEN": TOKEN, "NORTHFLANK_API_BASE_URL": server.url}
    process = subprocess.Popen(
        [sys.executable, str(AUDIT), "--rules", "rules.yaml"],
        cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not server.requests:
        assert process.poll() is None
        time.sleep(0.01)  # until the process waits for the answer
    process.send_signal(signal.SIGTERM)
    until = time.perf_counter() + chosen.uniform(0, 0.003)
    while time.perf_counter() < until:
        pass
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=NET)
    assert (process.returncode, "Traceback" in said, "Exception" in said) == (143, False, False)
    assert [path.name for path in tmp_path.iterdir()] == ["rules.yaml"]


def test_a_signal_while_the_tool_is_still_being_imported_is_no_traceback(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os, signal\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'northflank_audit.cli.app':\n"
        f"            sys.modules['northflank_audit.stopping'].GRACE = {10 * NET}\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    done = subprocess.run(
        [sys.executable, str(AUDIT), "--demo"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=NET, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "stopped\n")


def test_a_stopped_emulator_speaks_of_no_report():
    process = subprocess.Popen([*UNHURRIED, "emulator"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "token: " in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=NET)
    assert (process.returncode, said) == (143, "the emulator was stopped\n")


def test_a_signal_that_someone_else_handles_ends_nothing():
    """A profiler's timer, say: the interpreter tells of every signal that has a handler."""
    script = f"""
signal.signal(signal.SIGUSR1, lambda number, frame: None)
send(signal.SIGUSR1)
time.sleep(stopping.GRACE + 0.4)
print("goes on", flush=True)
try:
    send(signal.SIGTERM)
except BaseException:
    pass
time.sleep({10 * NET})
"""
    assert ended(script) == (128 + signal.SIGTERM, "goes on\n", "")
