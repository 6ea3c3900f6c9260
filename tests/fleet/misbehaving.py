"""What a worker runs in place of a target: what its name says."""

import datetime as dt
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from northflank_audit.delivery import files
from northflank_audit.fleet.fleet_report import FleetRun, Target, not_started
from northflank_audit.fleet.job import Job
from northflank_audit.fleet.target_run import Delivered
from tests.conftest import until

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Odd(BaseException):
    """Not an Exception, and it can't be pickled."""

    def __init__(self) -> None:
        super().__init__(lambda: None)


def green(name: str) -> Target:
    return not_started(name, "green", FleetRun(id="r0", started_at=NOW, finished_at=NOW), 0)


def run(job: Job, has_read: Callable[[], None] = lambda: None) -> Target:
    folder = Path(job.settings.output_dir).parent
    with (folder / f"{job.name}.runs").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if job.name.startswith("killer"):
        until(lambda: runs(folder, "victim"))
        os.kill(os.getpid(), signal.SIGKILL)
    if job.name.startswith("stopper"):
        until(lambda: runs(folder, "victim"))
        os.kill(os.getpid(), signal.SIGSTOP)  # another thread may take the signal, so this one goes on for a moment
    if job.name.startswith(("stopper", "hanger")):
        sleep()
    if job.name.startswith("victim") and runs(folder, job.name) == 1:
        sleep()  # until another target ends the process
    if job.name.startswith("odd"):
        raise Odd
    return green(job.name)


def runs(folder: Path, name: str) -> int:
    """Return how often a target was run; its file is there a moment before its first line."""
    file = folder / f"{name}.runs"
    return len(file.read_text().split()) if file.exists() else 0


def elsewhere(job: Job) -> Delivered:
    return Delivered(run(job), {}, saw_nothing=False)


def sleep() -> None:
    time.sleep(3600)


def write_half(path: str, _halfway: Callable[[], None]) -> None:
    """Be in the middle of writing a file."""
    files._unfinished.add(Path(path))
    Path(path).write_text("half")
    sleep()


def half(halfway: Callable[[], None]) -> int:
    halfway()
    return os.getpid()


def divided(_halfway: Callable[[], None]) -> float:
    return 1 / 0
