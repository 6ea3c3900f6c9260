"""A circuit breaker: what fails again and again is no longer asked for."""

import threading
from typing import Final

FAILURES: Final = 5
"""Requests in a row that fail for good before no more are sent."""
RETRIES: Final = 20
"""Retries that may be under way of requests that have not succeeded: each takes one, and a success gives one back."""


class Circuit:
    """Requests of one kind, as they end in several threads.

    It is closed until FAILURES in a row have failed for good, and then open for the rest of the run. Their retries
    have a budget, as in the AWS SDKs, since a server that answers everything with 500 gets no better by being asked
    `--max-attempts` times as often.
    """

    def __init__(self) -> None:
        self.cause = ""
        """Why it is open, or empty as long as it is closed."""
        self._lock = threading.Lock()
        self._failures = 0
        self._retries = RETRIES

    def retry(self) -> bool:
        """Take a retry from the budget, and tell whether there was one."""
        with self._lock:
            granted = self._retries > 0
            self._retries -= granted
            return granted

    def succeeded(self) -> None:
        """Take note of a success."""
        with self._lock:
            self._failures = 0
            self._retries = min(RETRIES, self._retries + 1)

    def failed(self, problem: str) -> None:
        """Take note of a request that failed for good."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES and not self.cause:
                self.cause = f"{FAILURES} in a row failed, the last with: {problem}"
