"""A process that runs targets in threads.

The interpreter lock lets one thread of a process judge at a time, so a fleet has a process for each processor, and in
each of them threads that wait for the API.
"""

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from pkgutil import resolve_name
from typing import IO, Any, Final, cast

from northflank_audit import logs, stopping

SWITCH_SECONDS: Final = 0.05
"""Seconds after which a thread lets another one run, if it does not wait itself; with Python's own 5 ms, a fleet takes
7 % longer."""
_START: Final = "import sys; sys.path[:] = {path!r}; from {module} import serve; serve({threads})"
_OF_ALL_RUNS: Final = (
    "northflank_audit.fleet.target_run",
    "northflank_audit.formats.html",
    "northflank_audit.formats.markdown",
    "northflank_audit.formats.jsonreport",
    "northflank_audit.sources.api",
)
"""Modules that a process imports while it waits for its first target."""
STOP_SECONDS: Final = 1.0
"""Seconds that a process has to end whose results have ended."""
LEAVE_SECONDS: Final = 0.3
"""Seconds that a process has to remove its temporary files: less than `stopping.GRACE`, which this process has."""


class WorkerEnded(BrokenExecutor):
    """The process ended before the work did."""


class WorkFailed(Exception):
    """The work raised an exception; the text is its kind, since the process may be the only one that has it."""


Work = tuple[Future[None], Future[Any]]
"""Work that was begun: when it said that it is halfway, and its result."""


class WorkerProcess:
    """A process with so many threads."""

    def __init__(self, threads: int) -> None:
        """Start the process; it ends with this one."""
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with our own program
            _command(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl+C is for this process alone
        )
        self._work = cast("IO[bytes]", self._process.stdin)
        self._results = cast("IO[bytes]", self._process.stdout)
        self._pending: dict[int, Work] = {}
        self._ended = False
        self._number = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._receive, name="fleet-results", daemon=True).start()

    def submit(self, function: str, *arguments: Any) -> Work:
        """Run a function, named as `MODULE:NAME`, with what it calls when it is halfway as its last argument.

        The result raises WorkerEnded if the process ends before.
        """
        work: Work = Future(), Future()
        with self._lock:
            self._number += 1
            self._pending[self._number] = work
            with suppress(OSError, ValueError):  # it has ended, which the other thread finds out, too
                _send(self._work, (self._number, function, arguments))
            ended = self._ended
        if ended:
            self._give_up()
        return work

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

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        with suppress(OSError), self._lock:
            self._work.close()
        self._process.terminate()
        self._wait(LEAVE_SECONDS)
        self._process.kill()
        self._process.wait()

    def _receive(self) -> None:
        """Take results until the process ends."""
        with suppress(Exception):  # most of all EOFError; nothing of what comes after it can be read
            while True:
                number, *outcome = pickle.load(self._results)  # noqa: S301 - our own process sent it
                if not outcome:
                    self._pending[number][0].set_result(None)
                    continue
                with self._lock:
                    _, result = self._pending.pop(number)
                value, error = outcome
                if error is None:
                    result.set_result(value)
                else:
                    result.set_exception(WorkFailed(error))
        self._process.kill()
        self._results.close()
        with self._lock, suppress(OSError):
            self._ended = True
            self._work.close()
        self._give_up()

    def _give_up(self) -> None:
        self._wait(STOP_SECONDS)
        with self._lock:
            lost, self._pending = list(self._pending.values()), {}
        for _, result in lost:
            result.set_exception(WorkerEnded(self._how_it_ended()))

    def _wait(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _how_it_ended(self) -> str:
        code = self._process.poll()
        if code is not None and code < 0:
            with suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"


def _command(threads: int) -> list[str]:
    """Return how the process is started. The working folder, which may be anyone's, is no place for modules to it."""
    start = _START.format(path=sys.path, module=__name__, threads=threads)
    return [sys.executable, "-I" if sys.flags.isolated else "-P", "-c", start]


def _send(pipe: IO[bytes], message: object) -> None:
    """Write a message at once, or nothing if it can't be pickled."""
    pipe.write(pickle.dumps(message))
    pipe.flush()


def serve(threads: int) -> None:
    """Run what comes on standard input, until the other process closes it or ends."""
    signal.signal(signal.SIGTERM, lambda *_: stopping.leave(0))
    gc.set_threshold(100_000, 50, 50)  # as in __main__.py
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.getLogger(logs.LOGGER).addHandler(logging.NullHandler())  # outcomes say what happened
    work, results = _channel()
    lock = threading.Lock()

    def tell(*message: Any) -> None:
        with suppress(OSError), lock:
            _send(results, message)

    def answer(number: int, function: str, arguments: tuple[Any, ...]) -> None:
        try:
            value, error = resolve_name(function)(*arguments, partial(tell, number)), None
        except BaseException as raised:  # noqa: BLE001 - whatever it is, the other process waits for an answer
            value, error = None, type(raised).__name__
        tell(number, value, error)

    try:
        for module in _OF_ALL_RUNS:
            import_module(module)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="target")
        with suppress(EOFError):
            while True:
                pool.submit(answer, *pickle.load(work))  # noqa: S301 - the process that started this one sent it
    finally:  # whatever happened: without the other process, nobody takes results
        stopping.leave(0)


def _channel() -> tuple[IO[bytes], IO[bytes]]:
    """Return where work comes from and where results go, and let nothing else use these."""
    work, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return work, results
