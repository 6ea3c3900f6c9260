"""Ends a run that does not end by itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from northflank_audit import logs, stopping
from northflank_audit.errors import AuditError

LONGEST_OVERTIME: Final = 300.0
"""Seconds that evaluating, rendering and delivery may take together after `--timeout`: more than their own bounds."""


@contextmanager
def last_resort(timeout: float) -> Iterator[None]:
    """End the process if a run with this `--timeout` does not end by itself.

    Each of its stages has its own time limit, and this covers bugs in those.
    """

    def give_up() -> None:
        logs.tell(f"northflank-audit: the run has not ended {LONGEST_OVERTIME:g} s after --timeout; no verdict")
        stopping.leave(AuditError.exit_code)

    timer = threading.Timer(timeout + LONGEST_OVERTIME, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
