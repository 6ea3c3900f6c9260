"""Tracks the API's rate limit by the headers of its answers."""

import threading
from collections.abc import Callable, Mapping
from typing import Final

_SLACK: Final = 2.0
"""Seconds to add to a reset, which is in whole seconds, for the time that an answer takes."""


class RateLimit:
    """How many requests are left until the limit's window ends.

    By `x-ratelimit-limit`, `x-ratelimit-remaining` and `x-ratelimit-reset` (seconds) of every answer. Answers of
    several threads come in any order, so within a window the lowest value counts.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` returns seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self.limit: int | None = None
        """Requests per window, by the last answer."""
        self._remaining: int | None = None
        self._ends = 0.0

    def update(self, headers: Mapping[str, str]) -> None:
        """Read the headers of an answer. Headers that are not numbers are ignored."""
        try:
            remaining, ends = int(headers["x-ratelimit-remaining"]), self._clock() + float(headers["x-ratelimit-reset"])
            limit = int(headers["x-ratelimit-limit"]) if "x-ratelimit-limit" in headers else None
        except (KeyError, ValueError):
            return
        with self._lock:
            same_window = self.resets_in > 0 and ends < self._ends + _SLACK
            self._remaining = (
                remaining if self._remaining is None or not same_window else min(remaining, self._remaining)
            )
            self.limit, self._ends = limit, ends

    @property
    def remaining(self) -> int | None:
        """Requests that are left in this window; None if unknown."""
        return self._remaining if self.resets_in > 0 else None

    @property
    def resets_in(self) -> float:
        """Seconds until the window ends; 0 if unknown."""
        return max(0.0, self._ends - self._clock())

    def covers(self, count: int) -> int:
        """Return how many of these requests can be sent now; all of them if the limit is unknown."""
        if self.resets_in > 0 and self._remaining is not None:
            return max(0, min(count, self._remaining))
        return min(count, self.limit) if self.limit and self.limit > 0 else count
