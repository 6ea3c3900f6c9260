"""Many runs in one process leave nothing behind; `make bench ONLY=soak` repeats it for longer, and looks at memory."""

import gc
import operator
import sys
import threading
from pathlib import Path

import pytest

from northflank_audit import audit_fleet
from northflank_audit.fleet import shared
from tests.conftest import until
from tests.fleet.conftest import TOKENS

RUNS = 12
SOME = 3
"""Files and threads of the interpreter's own, or of tests that ran before and end meanwhile."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files in /proc")
def test_runs_of_a_fleet_leave_no_files_no_threads_and_no_connections(everyone, emulator, tmp_path, monkeypatch):
    for name, value in {**TOKENS, "NORTHFLANK_API_BASE_URL": emulator.url}.items():
        monkeypatch.setenv(name, value)

    def left():
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(shared._fleets)

    for run in range(RUNS):
        report = audit_fleet(everyone, jobs=4, output_dir=tmp_path / "reports")
        assert report.exit_code == 3
        if run == 1:
            files, threads, fleets = left()
    assert (fleets, left()[2]) == (0, 0)
    most = files + SOME, threads + SOME
    until(lambda: all(map(operator.le, left(), most)))  # the server's end of a connection ends after the client's
