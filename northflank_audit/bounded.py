"""Waits no longer than it may for what nothing can interrupt: a resolver, a pipe, a slow server."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The work did not end in time; its thread is left behind."""


class Job(Generic[T]):
    """Work that has begun, in a thread of this name, a daemon: the end of the process does not wait for it."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._outcome: queue.SimpleQueue[tuple[T] | Exception] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._outcome.put((self._work(),))
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self._outcome.put(error)

    def result(self, seconds: float) -> T:
        """Return what the work returns, or raise what it raises, once. Raises OutOfTime after so many seconds."""
        try:
            outcome = self._outcome.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise OutOfTime from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome[0]


def within(seconds: float, work: Callable[[], T], name: str) -> T:
    """Return what `work` returns, or raise what it raises. Raises OutOfTime after so many seconds."""
    return Job(work, name).result(seconds)
