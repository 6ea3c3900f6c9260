"""What a run may still ask of the API: `--max-requests`, `--reserve`, the account's hourly limit and the run's time."""

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from northflank_audit.deadline import Deadline
from northflank_audit.errors import FetchError
from northflank_audit.northflank.ratelimit import RateLimit

log = logging.getLogger(__name__)

HOUR: Final = 3600.0
"""Seconds of a window of the rate limit."""
USUAL_LIMIT: Final = 1000
"""Requests in a window where the API does not say it."""
FIRST: Final = 8
"""Requests that are sent before the first answer tells the limit, at most."""
LEAST_TIME: Final = 300
"""Seconds that a run is given for its requests at least, besides waiting for the limit's window."""
PACE: Final = 0.25
"""Seconds for which a run is given time, for each request: eight at once, in two seconds."""
_LOOK: Final = 0.1
_MANY: Final = 10**9


class NotCovered(FetchError):
    """A request that was not sent, since the budget does not cover it. It says nothing of the API."""


class Budget:
    """Every request of a run passes here, from any thread."""

    def __init__(
        self, deadline: Deadline, sleep: Callable[[float], None], *, most: int | None = None, reserve: int = 0
    ) -> None:
        """`most` is how many requests are sent at most, `reserve` how many of the hourly limit are left to others."""
        self.rate_limit = RateLimit(deadline.clock)
        self.most, self.reserve = most, reserve
        self.sent = 0
        """Requests sent, tries included."""
        self.sent_for: Counter[str] = Counter()
        """The same by what they were for."""
        self._deadline = deadline
        self._sleep = sleep
        self._under_way = 0
        self._answered = False
        self._changed = threading.Condition()

    # -- One request ---------------------------------------------------------------------------------------------------
    def take(self, what: str, label: str) -> None:
        """Count a request that is about to be sent; `settle` must follow. Waits where `--reserve` asks for it.

        `what` names it in messages, `label` is what it is counted for. Raises NotCovered.
        """
        while True:
            with self._changed:
                if self.most is not None and self.sent >= self.most:
                    raise NotCovered(f"{what}: {self._used_up}")
                if self._is_free() or self._deadline.remaining <= 0:
                    self.sent += 1
                    self.sent_for[label] += 1
                    self._under_way += 1
                    return
                if self._under_way:
                    self._changed.wait(_LOOK)
                    continue
            if not self.wait_for_window():
                raise NotCovered(f"{what}: {self.shortage(1)}")

    def settle(self, headers: Mapping[str, str] | None) -> None:
        """Take note that a request has ended, with an answer that has these headers or (None) with none."""
        with self._changed:
            self._under_way -= 1
            if headers is not None:
                self._answered = True
                self.rate_limit.update(headers)
            self._changed.notify_all()

    def _is_free(self) -> bool:
        """Tell whether one more request leaves the reserve alone, whatever becomes of those under way."""
        if not self.reserve:
            return True
        if not self._answered:  # the first goes alone: its answer tells what is left
            return not self._under_way
        return self.rate_limit.covers(_MANY) - self.reserve - self._under_way > 0

    # -- Many requests -------------------------------------------------------------------------------------------------
    def covers(self, count: int) -> int:
        """Return how many of so many requests can be sent now; few before the limit is known."""
        with self._changed:
            most = count if self.most is None else self.most - self.sent
            allowed = self.rate_limit.covers(count + self.reserve) - self.reserve if self._answered else FIRST
        return max(0, min(count, most, allowed))

    def wait_for_window(self, count: int = 1) -> bool:
        """Wait until the rate limit's window ends, if that helps and fits into the run's time; tell whether it does."""
        seconds = self.rate_limit.resets_in
        if self._lacks(count) or seconds >= self._deadline.remaining or (seconds <= 0 and self._window() <= 0):
            return False
        log.info("the rate limit is used up; going on in %.0f s", seconds)
        self._sleep(seconds)
        return True

    def shortage(self, more: int, *, at_least: bool = False) -> str:
        """Return why so many more requests can't be sent, and what they need; `at_least`: others may follow them."""
        if self._lacks(more):
            needs = f"needs {'at least ' if at_least else ''}{self.sent + more} requests"
            return f"{self._used_up} ({needs})"
        if self._window() <= 0:
            return f"--reserve {self.reserve} leaves nothing of the API's rate limit"
        seconds, most = self.rate_limit.resets_in, self._deadline.seconds
        reserve = f" besides --reserve {self.reserve}" if self.reserve else ""
        needs = f"needs --timeout {self.timeout_for(more)}"
        wait = f"no request{reserve} for {seconds:.0f} s"
        return f"the API's rate limit leaves {wait}, and --timeout is {most:g} s ({needs})"

    def timeout_for(self, more: int) -> int | None:
        """Return the `--timeout`, in seconds, that a run needs that sends so many more requests; None: none is enough.

        The time that has passed is part of it.
        """
        waits = self.seconds_for(more)
        if not math.isfinite(waits):
            return None
        passed = max(0.0, self._deadline.seconds - self._deadline.remaining)
        seconds = waits + max(LEAST_TIME, more * PACE + (passed if math.isfinite(passed) else 0.0))
        return math.ceil(seconds / 100) * 100

    def seconds_for(self, more: int) -> float:
        """Return how long the rate limit keeps so many more requests waiting."""
        now = max(0, self.rate_limit.covers(more + self.reserve) - self.reserve)
        rest = more - now
        if rest <= 0:
            return 0.0
        if self._window() <= 0:
            return math.inf
        first = self.rate_limit.resets_in or HOUR
        return first + (math.ceil(rest / self._window()) - 1) * HOUR

    def _window(self) -> int:
        """Return how many requests a window of the limit covers."""
        return (self.rate_limit.limit or USUAL_LIMIT) - self.reserve

    def _lacks(self, count: int) -> bool:
        """Tell whether `--max-requests` is what does not cover so many requests."""
        return self.most is not None and self.most - self.sent < count

    @property
    def _used_up(self) -> str:
        return f"--max-requests {self.most} is used up"
