"""A process that runs targets in threads, as an executor.

The interpreter lock lets one thread of a process judge at a time, so a fleet has a process for each processor, and in
each of them threads that wait for the API.
"""

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

from northflank_audit import logs, stopping

SWITCH_SECONDS: Final = 0.05
"""Seconds after which a thread lets another one run, if it does not wait itself; with Python's own 5 ms, a fleet takes
7 % longer."""
STOP_SECONDS: Final = 1.0
"""Seconds that an idle process has to end by itself."""
LEAVE_SECONDS: Final = 0.3
"""Seconds that a process has to remove its temporary files: less than `stopping.GRACE`, which this process has."""


class WorkerEnded(BrokenExecutor):
    """The process ended before the work did."""


class WorkFailed(Exception):
    """The work raised an exception; the text is its kind, since the process may be the only one that has it."""


class WorkerProcess(Executor):
    """An executor of one process with so many threads."""

    def __init__(self, threads: int) -> None:
        """Start the process; it ends with this one."""
        context = get_context("spawn")  # a fork would copy locks that other threads hold
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, threads), name="fleet-worker", daemon=True)
        self._process.start()
        theirs.close()
        self._futures: dict[int, Future[Any]] = {}
        self._ended = False
        self._number = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._receive, name="fleet-results", daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` in the process; the future raises WorkerEnded if that ends before."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._number += 1
            self._futures[self._number] = future
            with suppress(OSError):  # it has ended, which the other thread finds out, too
                self._connection.send((self._number, fn, args, kwargs))
            ended = self._ended
        if ended:
            self._give_up()
        return future

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._ended

    def terminate(self) -> None:
        """Let the process remove its temporary files, and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the process, after its work with `wait`."""
        if wait and not cancel_futures:
            with suppress(OSError), self._lock:
                self._connection.send(None)
            self._process.join(STOP_SECONDS)
        self._process.terminate()
        self._process.join(LEAVE_SECONDS)
        self._process.kill()
        self._process.join()

    def _receive(self) -> None:
        """Take results until the process ends."""
        with suppress(Exception):  # most of all EOFError; nothing of what comes after it can be read
            while True:
                number, result, error = self._connection.recv()
                with self._lock:
                    future = self._futures.pop(number)
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(WorkFailed(error))
        self._process.kill()
        with self._lock:
            self._ended = True
        self._give_up()

    def _give_up(self) -> None:
        self._process.join(STOP_SECONDS)
        with self._lock:
            lost, self._futures = list(self._futures.values()), {}
        for future in lost:
            future.set_exception(WorkerEnded(self._how_it_ended()))

    def _how_it_ended(self) -> str:
        code = self._process.exitcode
        if code is not None and code < 0:
            with suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"


def _serve(connection: Connection, threads: int) -> None:
    """Run what comes, until the other process says so or ends. SIGINT, which both get, is for that process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopping.leave(0))
    gc.set_threshold(100_000, 50, 50)  # as in __main__.py
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.getLogger(logs.LOGGER).addHandler(logging.NullHandler())  # outcomes say what happened
    lock = threading.Lock()

    def answer(number: int, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        outcome: tuple[int, Any, str | None]
        try:
            outcome = number, fn(*args, **kwargs), None
        except BaseException as raised:  # noqa: BLE001 - whatever it is, the other process waits for an answer
            outcome = number, None, type(raised).__name__
        with suppress(OSError), lock:
            connection.send(outcome)

    try:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="target")
        while (work := connection.recv()) is not None:
            pool.submit(answer, *work)
        pool.shutdown()
    finally:  # whatever happened: without the other process, nobody takes results
        stopping.leave(0)
