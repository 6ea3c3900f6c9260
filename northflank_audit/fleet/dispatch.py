"""Distributes targets among workers, and takes their outcomes."""

import datetime as dt
import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from northflank_audit.audit.last_resort import LONGEST_OVERTIME
from northflank_audit.audit.tool import new_run_id
from northflank_audit.fleet.fleet_report import INCOMPLETE, FleetRun, Target, not_started
from northflank_audit.fleet.job import Job, Started

log = logging.getLogger(__name__)

GRACE: Final = 30.0
"""Seconds after which a worker is ended that should have ended itself."""
_LOOK: Final = 1.0
"""Seconds between looks for workers that hang."""
_BESIDES, _MOST_BESIDES = 3, 48
"""How many others run for each target that may read, and how many in all."""

_Events = SimpleQueue[Future[Any]]


def most_running(at_once: float) -> float:
    """Return how many targets run, at most, where so many may read from their sources at once.

    The others write their reports, which takes the processor while those that read wait for the API.
    """
    return at_once + min(at_once * _BESIDES, _MOST_BESIDES)


class Worker(Protocol):
    """Runs targets, several at once."""

    capacity: int
    """How many may read from their sources at once."""

    def start(self, job: Job) -> Started:
        """Run a target."""

    def outcome(self, future: Future[Any]) -> Target:
        """Return the outcome of a target whose future is done. Raises BrokenExecutor if the worker ended before."""

    def end(self, future: Future[Any]) -> None:
        """End the worker of a target that hangs, or stop to wait for that target."""

    def stop(self) -> None:
        """End the worker, whatever it is doing."""


class Workers(Protocol):
    """The workers of a fleet."""

    at_once: float
    """How many targets may read from their sources at once on all of them."""

    def all(self) -> Sequence[Worker]:
        """Return the workers that can take targets now; one that has ended is replaced."""

    def alone(self) -> Worker:
        """Return a new worker for one target."""

    def close(self) -> None:
        """End all workers."""


@dataclass(eq=False, slots=True)
class _Running:
    job: Job
    worker: Worker
    reading: Future[Any]
    since: float = field(default_factory=time.monotonic)
    given_up: bool = False

    @property
    def longest(self) -> float:
        """Seconds after which even the last resort of the run should have ended it."""
        return self.job.settings.timeout + LONGEST_OVERTIME + GRACE


class _Waiting:
    """Targets that wait, by token: those of a token that is in use go to the worker that uses it."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._queues: dict[str, deque[Job]] = {}
        for job in jobs:
            self._queues.setdefault(job.token_name, deque()).append(job)
        self._free = deque(self._queues)
        """Tokens that no worker uses."""
        self._users: dict[str, Worker] = {}
        self._used: Counter[str] = Counter()

    def take(self, worker: Worker) -> Job | None:
        """Return the next target for a worker, if there is one."""
        names = (name for name, user in self._users.items() if user is worker and self._queues.get(name))
        name = next(names, None) or (self._free.popleft() if self._free else None)
        if name is None:
            return None
        self._users[name] = worker
        self._used[name] += 1
        return self._pop(name)

    def give_back(self, job: Job) -> None:
        """Note that a target has ended."""
        name = job.token_name
        self._used[name] -= 1
        if not self._used[name]:
            del self._users[name]
            if name in self._queues:
                self._free.appendleft(name)

    def __bool__(self) -> bool:
        """Whether targets wait."""
        return bool(self._queues)

    def rest(self) -> Iterator[Job]:
        """Yield the targets that wait."""
        return chain.from_iterable(self._queues.values())

    def _pop(self, name: str) -> Job:
        job = self._queues[name].popleft()
        if not self._queues[name]:
            del self._queues[name]
        return job


def outcomes(jobs: Sequence[Job], workers: Workers) -> Iterator[Target]:
    """Run all targets, and yield the outcome of each when it has ended.

    If a worker ends or hangs, each target that it was running is run again by itself, so a target that ends or blocks
    its worker costs only itself.
    """
    waiting, suspects = _Waiting(jobs), deque[Job]()
    running: dict[Future[Any], _Running] = {}
    events = _Events()
    try:
        while waiting or running:
            _fill(workers, waiting, running, events)
            for future in _next(events):
                ended = running.pop(future, None)
                if ended is None:  # it has read everything, and has not ended
                    continue
                waiting.give_back(ended.job)
                outcome = _outcome(future, ended)
                if isinstance(outcome, Target):
                    yield outcome
                else:
                    suspects.append(ended.job)
            _end_overdue(running)
        while suspects:
            outcome = _again(suspects[0], workers.alone())
            suspects.popleft()
            yield outcome
    except BrokenExecutor as error:
        left = [*(each.job for each in running.values()), *waiting.rest(), *suspects]
        yield from (_lost(job, str(error)) for job in left)
    finally:
        workers.close()


def _start(job: Job, worker: Worker, running: dict[Future[Any], _Running], events: _Events) -> None:
    started = worker.start(job)
    running[started.outcome] = _Running(job, worker, started.reading)
    for each in set(started):
        each.add_done_callback(events.put)


def _next(events: _Events) -> Iterator[Future[Any]]:
    """Yield the futures that are done, cancelled ones included; wait a while for the first."""
    with suppress(Empty):
        yield events.get(timeout=_LOOK)
        while True:
            yield events.get_nowait()


def _fill(workers: Workers, waiting: _Waiting, running: dict[Future[Any], _Running], events: _Events) -> None:
    """Give the workers what they can take; the one that reads least comes first."""
    load = Counter(each.worker for each in running.values() if not each.reading.done())
    able = list(workers.all())
    while able and load.total() < workers.at_once and len(running) < most_running(workers.at_once):
        worker = min(able, key=lambda each: load[each])
        job = waiting.take(worker) if load[worker] < worker.capacity else None
        if job is None:
            able.remove(worker)
        else:
            _start(job, worker, running, events)
            load[worker] += 1


def _outcome(future: Future[Any], ended: _Running) -> Target | str:
    """Return the outcome of a target; if it has none because of its worker, why. That is the same on all machines."""
    try:
        return ended.worker.outcome(future)
    except (BrokenExecutor, CancelledError) as error:
        log.warning("%s: %s", ended.job.name, str(error) or "its worker was lost")
        return f"it had not ended {ended.longest:g} s after its start" if ended.given_up else "its worker ended first"
    except Exception as error:  # noqa: BLE001 - of the way to the worker
        log.warning("%s: %s", ended.job.name, error)
        return _lost(ended.job, f"its worker could not run it ({type(error).__name__})")


def _again(job: Job, worker: Worker) -> Target:
    """Run a target by itself, because the worker that ran it has ended or hangs."""
    trial: dict[Future[Any], _Running] = {}
    events = _Events()
    try:
        _start(job, worker, trial, events)
        ((future, only),) = trial.items()
        while future not in _next(events):
            _end_overdue(trial)
        outcome = _outcome(future, only)
    finally:
        worker.stop()
    return outcome if isinstance(outcome, Target) else _lost(job, f"{outcome}, twice")


def _end_overdue(running: Mapping[Future[Any], _Running]) -> None:
    """Give up on targets that hang."""
    for future, each in running.items():
        if not each.given_up and time.monotonic() - each.since > each.longest:
            each.given_up = True
            each.worker.end(future)


def _lost(job: Job, why: str) -> Target:
    now = dt.datetime.now(dt.UTC)
    run = FleetRun(id=new_run_id(), started_at=now, finished_at=now)
    return not_started(job.name, f"no verdict: {why}", run, INCOMPLETE)
