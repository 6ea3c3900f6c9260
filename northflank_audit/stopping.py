"""Ends the process on SIGINT or SIGTERM, whatever it is doing.

The handler raises `Stopped`, which unwinds the run. Python drops an exception that is raised in a weak reference's
callback or in `__del__`, and libraries may drop others. So a thread ends the process if the exception did not. The
interpreter's own C code wakes it (`signal.set_wakeup_fd`), independently of the main thread.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final, NoReturn

from northflank_audit.errors import Stopped

GRACE: Final = 0.6
"""Seconds that a stopped run has to unwind before the process ends without it."""

_HANDLED: Final = (signal.SIGINT, signal.SIGTERM)
_cleanups: Final[list[Callable[[], None]]] = []


class Watch:
    """The state of signal handling. The first signal decides, and the others are ignored."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The first signal."""
        self.settled = False
        """Whether the outcome is decided; then a signal only limits how long the process takes to end."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def start(self) -> None:
        """Handle signals from now on. Call it in the main thread."""
        reported = sys.unraisablehook

        def report(lost: Any) -> None:
            if not isinstance(lost.exc_value, Stopped):  # this signal is not lost: the thread ends the process
                reported(lost)

        sys.unraisablehook = report
        threading.Thread(target=self._end, name="signals", daemon=True).start()
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            if not self.settled:
                raise Stopped(number)

    def _end(self) -> None:
        while (first := os.read(self._reader, 1)[0]) not in _HANDLED:  # a debugger or profiler may handle the others
            pass
        time.sleep(GRACE)
        leave(128 + (self.number or first))


def before_leaving(cleanup: Callable[[], None]) -> None:
    """Call this when the process ends without unwinding."""
    _cleanups.append(cleanup)


def leave(code: int) -> NoReturn:
    """End the process from any thread, without unwinding, after removing temporary files."""
    for cleanup in _cleanups:
        with suppress(Exception):
            cleanup()
    os._exit(code)
