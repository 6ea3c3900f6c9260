"""A circuit breaker: stops requests of a kind that fails repeatedly."""

import threading
from typing import Final

FAILURES: Final = 5
"""Consecutive final failures after which no more requests are sent."""
RETRIES: Final = 20
"""The budget of retries: each retry takes one, and each success gives one back."""


class Circuit:
    """The outcomes of requests of one kind, from several threads.

    It is closed until FAILURES in a row have failed for good, and then open for the rest of the run. Their retries
    have a budget, as in the AWS SDKs, because a server that answers everything with 500 does not recover when it is
    asked `--max-attempts` times as often.
    """

    def __init__(self) -> None:
        self.cause = ""
        """Why it is open; empty while it is closed."""
        self._lock = threading.Lock()
        self._failures = 0
        self._retries = RETRIES

    def retry(self) -> bool:
        """Take a retry from the budget; return whether one was left."""
        with self._lock:
            granted = self._retries > 0
            self._retries -= granted
            return granted

    def succeeded(self) -> None:
        """Record a success."""
        with self._lock:
            self._failures = 0
            self._retries = min(RETRIES, self._retries + 1)

    def failed(self, problem: str) -> None:
        """Record a final failure."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES and not self.cause:
                self.cause = f"{FAILURES} in a row failed, the last with: {problem}"
