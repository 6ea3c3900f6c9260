"""The workers of one machine: a process for each processor."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Self

from northflank_audit.fleet.dispatch import Worker, most_running
from northflank_audit.fleet.fleet_report import Target
from northflank_audit.fleet.job import Job, Started
from northflank_audit.fleet.worker_process import WorkerProcess

RUN_TARGET: Final = "northflank_audit.fleet.target_run:run_target"
"""What a process does with a job; this process, which only distributes them, does not import it."""


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessWorker:
    """A process that runs targets in threads."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.process = WorkerProcess(int(most_running(capacity)))

    def start(self, job: Job) -> Started:
        """Run a target."""
        return Started(*self.process.submit(RUN_TARGET, job))

    def outcome(self, future: Future[Target]) -> Target:
        """Return the outcome of a target."""
        return future.result()

    def end(self, future: Future[Any]) -> None:  # noqa: ARG002 - of one process
        """End the process: a thread that hangs can't be ended."""
        self.process.kill()

    def stop(self) -> None:
        """End the process."""
        self.process.stop()


class LocalWorkers:
    """Processes of this machine: one for each processor, but no more than there are tokens.

    A token's targets run in one process, where they share its rate limit.
    """

    def __init__(self, at_once: int) -> None:
        """Start the processes, so that they are ready when the targets are known."""
        self.at_once: float = at_once
        self._capacity = at_once
        self._count = min(at_once, processors())
        self._workers: list[ProcessWorker] = []
        self.all()

    def serving(self, targets: Iterable[Job]) -> Self:
        """End the processes that these targets do not need."""
        self._count = max(1, min(self._count, len({each.token_name for each in targets})))
        for each in self._workers[self._count :]:
            each.stop()
        self._workers = self._workers[: self._count]
        return self

    def all(self) -> Sequence[Worker]:
        """Return the processes; one that has ended is replaced."""
        self._workers = [each for each in self._workers if not each.process.has_ended]
        self._workers += [ProcessWorker(self._capacity) for _ in range(self._count - len(self._workers))]
        return self._workers

    def alone(self) -> Worker:
        """Return a new process for one target."""
        return ProcessWorker(1)

    def close(self) -> None:
        """End all processes."""
        for each in self._workers:
            each.process.terminate()
        for each in self._workers:
            each.stop()
        self._workers = []


class ThreadWorkers:
    """Threads of this process, for programs that call a fleet as a library."""

    def __init__(self, jobs: int) -> None:
        self.at_once: float = jobs
        self.capacity = jobs
        self._pool: Executor = ThreadPoolExecutor(int(most_running(jobs)), thread_name_prefix="target")

    def all(self) -> Sequence[Worker]:
        """Return these threads as one worker."""
        return [self]

    def alone(self) -> Worker:
        """Return these threads."""
        return self

    def start(self, job: Job) -> Started:
        """Run a target."""
        from northflank_audit.fleet.target_run import run_here  # noqa: PLC0415 - not needed to distribute targets

        reading: Future[None] = Future()
        return Started(reading, self._pool.submit(run_here, job, has_read=partial(reading.set_result, None)))

    def outcome(self, future: Future[Target]) -> Target:
        """Return the outcome of a target."""
        return future.result()

    def end(self, future: Future[Any]) -> None:
        """Do nothing: a thread that hangs can't be ended."""

    def stop(self) -> None:
        """Do nothing: the threads are for the other targets, too."""

    def close(self) -> None:
        """End the threads after their work."""
        self._pool.shutdown()
