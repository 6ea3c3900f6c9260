"""Waits no longer than it may for what nothing can interrupt: a resolver, a pipe, a slow server."""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The work did not end in time; its thread is left behind."""


def within(seconds: float, work: Callable[[], T], name: str) -> T:
    """Return what `work` returns, or raise what it raises. Raises OutOfTime after so many seconds.

    It runs in a thread of this name, a daemon: the end of the process does not wait for it.
    """
    returned: queue.SimpleQueue[tuple[T] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            returned.put((work(),))
        except Exception as error:  # noqa: BLE001 - raised below, where it is waited for
            returned.put(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        outcome = returned.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise OutOfTime from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome[0]
