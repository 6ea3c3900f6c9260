"""Limits the wait for work that can't be interrupted."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The work did not end in time; its thread is abandoned."""


class Job(Generic[T]):
    """Work in a daemon thread of this name, for which the process does not wait when it ends."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._outcome: queue.SimpleQueue[tuple[T] | Exception] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._outcome.put((self._work(),))
        except Exception as error:  # noqa: BLE001 - raised again by the waiting thread
            self._outcome.put(error)

    def result(self, seconds: float) -> T:
        """Return the result, or raise the exception, of the work, once. Raises OutOfTime after this many seconds."""
        try:
            outcome = self._outcome.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise OutOfTime from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome[0]


@contextmanager
def turn(lock: threading.Lock, seconds: float) -> Iterator[None]:
    """Wait for a lock for this many seconds at most, and go on with or without it.

    For order among threads that may also do without: one that hangs then holds up no other.
    """
    taken = lock.acquire(timeout=seconds)
    try:
        yield
    finally:
        if taken:
            lock.release()


def within(seconds: float, work: Callable[[], T], name: str) -> T:
    """Return the result of `work`, or raise its exception. Raises OutOfTime after this many seconds."""
    return Job(work, name).result(seconds)
