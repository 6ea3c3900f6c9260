"""When to try a request again, how long to wait before, and when to give up."""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_base

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The statuses that may pass by themselves; the rest of 5xx are retried as well."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds: the backoff is drawn from 0 to FIRST_WAIT × 2ⁿ (full jitter), and never from above LONGEST_WAIT."""


class Deadline:
    """The end of the whole run, `seconds` from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start to count."""
        self.seconds = seconds
        self.clock = clock
        self._end = clock() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left; 0 when there are none."""
        return max(0.0, self._end - self.clock())


class Passing(Exception):
    """A failure that may pass by itself; `after` is how many seconds the server asks to wait."""

    def __init__(self, problem: str, after: float | None = None) -> None:
        super().__init__(problem)
        self.problem, self.after = problem, after


class _WaitAsAsked(wait_base):
    """As long as the server asks, else exponential backoff with full jitter."""

    def __init__(self) -> None:
        self._backoff = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

    def __call__(self, retry_state: RetryCallState) -> float:
        failure = retry_state.outcome and retry_state.outcome.exception()
        if isinstance(failure, Passing) and failure.after is not None:
            return failure.after
        return self._backoff(retry_state)


class _StopIfItCannotFit(stop_base):
    """A wait that ends after the deadline is not begun."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __call__(self, retry_state: RetryCallState) -> bool:
        return retry_state.upcoming_sleep >= self._deadline.remaining


def retrying(
    max_attempts: int,
    deadline: Deadline,
    sleep: Callable[[float], None],
    before_sleep: Callable[[RetryCallState], None],
) -> Retrying:
    """Return the one retry policy of this client. The last failure is raised as it is."""
    return Retrying(
        retry=retry_if_exception_type(Passing),
        stop=stop_after_attempt(max_attempts) | _StopIfItCannotFit(deadline),
        wait=_WaitAsAsked(),
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )


def asked_wait(status: int, headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return the seconds that an answer asks to wait: by `Retry-After` (seconds or a date; RFC 9110, 10.2.3),
    or, when the limit is reached (429), by `x-ratelimit-reset`. None where it asks for nothing.
    """  # noqa: D205 - one sentence
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    if value:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            pass
        else:
            date = date if date.tzinfo else date.replace(tzinfo=dt.UTC)
            return max(0.0, (date - now).total_seconds())
    if status == 429:  # noqa: PLR2004 - too many requests
        try:
            return max(0.0, float(headers.get("x-ratelimit-reset", "")))
        except ValueError:
            return None
    return None
