"""Limits a run's requests: `--max-requests`, `--reserve`, hourly limit, time."""

import logging
import math
import threading
import time
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
"""Requests per window if the API does not say."""
FIRST: Final = 8
"""Requests that are sent at most before the first answer shows the limit."""
LEAST_TIME: Final = 300
"""The minimum of seconds for a run's requests, besides waiting for the limit's window."""
PACE: Final = 0.25
"""Seconds per request in the suggested `--timeout`: eight at once take two seconds."""
_LOOK: Final = 0.1
_MANY: Final = 10**9


class NotCovered(FetchError):
    """A request that was not sent because the budget does not cover it; the API has not failed."""


class TokenLimit:
    """What the requests of a token share, in one run or several: the API's rate limit, and what is under way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self.rate_limit = RateLimit(clock)
        self.under_way = 0
        self.answered = False
        self.changed = threading.Condition()


class Budget:
    """The budget of a run's requests, for all threads."""

    def __init__(
        self,
        deadline: Deadline,
        sleep: Callable[[float], None],
        *,
        most: int | None = None,
        reserve: int = 0,
        shared: TokenLimit | None = None,
    ) -> None:
        """`most` limits the requests that are sent; `reserve` is how many of the hourly limit to leave to others.

        `shared` is of all runs with the same token.
        """
        self._shared = shared or TokenLimit(deadline.clock)
        self.rate_limit = self._shared.rate_limit
        self.most, self.reserve = most, reserve
        self.sent = 0
        """Requests sent, every attempt included."""
        self.sent_for: Counter[str] = Counter()
        """The same, by purpose."""
        self.under_way = 0
        """Requests sent and not yet settled."""
        self._deadline = deadline
        self._sleep = sleep

    # -- One request ---------------------------------------------------------------------------------------------------
    def take(self, what: str, label: str) -> None:
        """Count a request that is about to be sent; `settle` must follow. Waits if `--reserve` requires it.

        `what` names it in messages, `label` is the type it is counted for. Raises NotCovered.
        """
        while True:
            with self._shared.changed:
                if self.most is not None and self.sent >= self.most:
                    raise NotCovered(f"{what}: {self._used_up}")
                if self._is_free() or self._deadline.remaining <= 0:
                    self.sent += 1
                    self.sent_for[label] += 1
                    self.under_way += 1
                    self._shared.under_way += 1
                    return
                if self._shared.under_way:
                    self._shared.changed.wait(_LOOK)
                    continue
            if not self.wait_for_window():
                raise NotCovered(f"{what}: {self.shortage(1)}")

    def settle(self, headers: Mapping[str, str] | None) -> None:
        """Record that a request has ended, with these headers of its answer, or (None) without an answer."""
        with self._shared.changed:
            self.under_way -= 1
            self._shared.under_way -= 1
            if headers is not None:
                self._shared.answered = True
                self.rate_limit.update(headers)
            self._shared.changed.notify_all()

    def _is_free(self) -> bool:
        """Return whether one more request leaves the reserve untouched, whatever the outcome of those under way."""
        if not self.reserve:
            return True
        if not self._shared.answered:  # the first request goes alone: its answer shows what is left
            return not self._shared.under_way
        return self.rate_limit.covers(_MANY) - self.reserve - self._shared.under_way > 0

    # -- Many requests -------------------------------------------------------------------------------------------------
    def covers(self, count: int) -> int:
        """Return how many of these requests can be sent now; few before the limit is known."""
        with self._shared.changed:
            most = count if self.most is None else self.most - self.sent
            allowed = self.rate_limit.covers(count + self.reserve) - self.reserve if self._shared.answered else FIRST
        return max(0, min(count, most, allowed))

    def wait_for_window(self, count: int = 1) -> bool:
        """Wait for the end of the rate limit's window, if that helps within the run's time; return whether it does."""
        seconds = self.rate_limit.resets_in
        if self._lacks(count) or seconds >= self._deadline.remaining or (seconds <= 0 and self._window() <= 0):
            return False
        log.info("the rate limit is used up; continuing in %.0f s", seconds)
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

        It includes the time that has passed.
        """
        waits = self.seconds_for(more)
        if not math.isfinite(waits):
            return None
        passed = max(0.0, self._deadline.seconds - self._deadline.remaining)
        seconds = waits + max(LEAST_TIME, more * PACE + (passed if math.isfinite(passed) else 0.0))
        return math.ceil(seconds / 100) * 100

    def seconds_for(self, more: int) -> float:
        """Return the seconds that the rate limit delays so many further requests."""
        now = max(0, self.rate_limit.covers(more + self.reserve) - self.reserve)
        rest = more - now
        if rest <= 0:
            return 0.0
        if self._window() <= 0:
            return math.inf
        first = self.rate_limit.resets_in or HOUR
        return first + (math.ceil(rest / self._window()) - 1) * HOUR

    def _window(self) -> int:
        """Return how many requests a window allows."""
        return (self.rate_limit.limit or USUAL_LIMIT) - self.reserve

    def _lacks(self, count: int) -> bool:
        """Return whether `--max-requests` prevents so many further requests."""
        return self.most is not None and self.most - self.sent < count

    @property
    def _used_up(self) -> str:
        return f"--max-requests {self.most} is used up"
