"""Decides when to retry a request, and when to stop."""

import datetime as dt
import math
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

from northflank_audit.deadline import Deadline

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds: the backoff is random from 0 to FIRST_WAIT × 2ⁿ (full jitter), at most LONGEST_WAIT."""


class TransientError(Exception):
    """A temporary failure; `after` is how many seconds the server asks to wait."""

    def __init__(self, problem: str, after: float | None = None) -> None:
        super().__init__(problem)
        self.problem, self.after = problem, after


class _WaitAsAsked(wait_base):
    """Exponential backoff with full jitter, and longer where the server asks for more."""

    def __init__(self) -> None:
        self._backoff = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

    def __call__(self, retry_state: RetryCallState) -> float:
        failure = retry_state.outcome and retry_state.outcome.exception()
        delay = failure.after if isinstance(failure, TransientError) else None
        return max(self._backoff(retry_state), delay or 0.0)


class _StopIfNoneIsLeft(stop_base):
    """Stops when the retry budget is used up."""

    def __init__(self, budget: Callable[[], bool]) -> None:
        self._budget = budget

    def __call__(self, _: RetryCallState) -> bool:
        return not self._budget()


class _StopIfItCannotFit(stop_base):
    """Stops before a wait that would end after the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __call__(self, retry_state: RetryCallState) -> bool:
        return retry_state.upcoming_sleep >= self._deadline.remaining


def retrying(
    max_attempts: int,
    deadline: Deadline,
    sleep: Callable[[float], None],
    before_sleep: Callable[[RetryCallState], None],
    budget: Callable[[], bool],
) -> Retrying:
    """Return the one retry policy of this client. The last failure is raised as it is.

    `budget` takes one retry from those of this kind of request, and returns whether one was left.
    """
    return Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(max_attempts) | _StopIfItCannotFit(deadline) | _StopIfNoneIsLeft(budget),
        wait=_WaitAsAsked(),
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )


def asked_wait(status: int, headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return the seconds that an answer asks to wait; None without a valid value.

    They come from `Retry-After` (seconds or a date; RFC 9110, 10.2.3) or, if the rate limit is used up (429),
    from `x-ratelimit-reset`.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return _seconds(value)
    if value:
        try:
            date = parsedate_to_datetime(value)
            return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=dt.UTC)) - now).total_seconds())
        except (ValueError, OverflowError):  # not a date, or out of range
            pass
    if status == 429 and not _is_left(headers.get("x-ratelimit-remaining", "")):  # noqa: PLR2004 - too many requests
        return _seconds(headers.get("x-ratelimit-reset", ""))
    return None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _is_left(remaining: str) -> bool:
    """Return whether a limit is not used up: then a 429 is about another limit, and this reset does not apply."""
    return (_seconds(remaining) or 0.0) > 0
