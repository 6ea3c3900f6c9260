"""Pings a monitor when an audit starts and ends.

A ping says whether the job ran to its end and saw everything, whatever it found: violations are in the report. A
process that is killed sends no last ping, and a ping that can't be delivered changes no exit code: in both cases the
monitor notices the silence and raises its alarm.

An address without braces is for healthchecks.io and compatible monitors: `/start` or `/fail` is added to its path, and
the report's subject is posted. For others, the address spells out the states, as `{start|success|fail}`, and the
request is a GET; without a word for the start, none is sent at the start:

- Cronitor: `https://cronitor.link/p/KEY/audit?state={run|complete|fail}`
- Uptime Kuma: `https://HOST/api/push/TOKEN?status={|up|down}` (whatever is not `up` is down, a start too)
- Better Stack: `https://uptime.betterstack.com/api/v1/heartbeat/TOKEN{||/fail}`
- Dead Man's Snitch: `https://nosnch.in/TOKEN?s={|0|1}` (any request is a check-in, a start too)

Sources: healthchecks.io/docs/http_api, cronitor.io/docs/telemetry-api, Uptime Kuma's server/routers/api-router.js,
betterstack.com/docs/uptime/cron-and-heartbeat-monitor, deadmanssnitch.com/docs.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Literal, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

from northflank_audit.errors import AuditError
from northflank_audit.formats.subject import subject
from northflank_audit.report import Report

State = Literal["start", "success", "fail"]

STATES: Final[tuple[State, ...]] = ("start", "success", "fail")
ALL_STATES: Final = "{state}"
"""Short for `{start|success|fail}`."""
ENDED: Final = (0, 1)
"""The exit codes of a complete audit."""
LONGEST_BODY: Final = 1000
"""Characters of a ping's body; healthchecks.io keeps the first 100 kB."""

_WORDS: Final = re.compile(r"\{([^{}|]*)\|([^{}|]*)\|([^{}|]*)\}")
_SUFFIXES: Final[dict[State, str]] = {"start": "/start", "success": "", "fail": "/fail"}

log = logging.getLogger(__name__)


class Ended(Protocol):
    """A report, of a run or of a fleet."""

    @property
    def exit_code(self) -> int:
        """The exit code."""


R = TypeVar("R", bound=Ended)


def heartbeat(url: str | None) -> AbstractContextManager[Callable[[Report], None]]:
    """Ping at the start and at the end of a run, as `heartbeat_of` does."""
    return heartbeat_of(url, subject)


@contextmanager
def heartbeat_of(url: str | None, subject: Callable[[R], str]) -> Iterator[Callable[[R], None]]:
    """Ping at the start and at the end; yield the function that takes the final report, whose `subject` is posted.

    Without a report, or with an incomplete one, the end is a failure. Stopped and KeyboardInterrupt send no ping.
    """
    reports: list[R] = []
    ping(url, "start")
    try:
        yield reports.append
    except Exception as error:
        ping(url, "fail", str(error) if isinstance(error, AuditError) else "internal error")
        raise
    ended = bool(reports) and reports[-1].exit_code in ENDED
    ping(url, "success" if ended else "fail", subject(reports[-1]) if reports else "")


def ping(url: str | None, state: State, message: str = "") -> None:
    """Ping the monitor; if that fails, log a warning."""
    ping_request = request(url, state) if url else None
    if ping_request is None:
        return
    from northflank_audit.delivery.http_request import NotSent, send  # noqa: PLC0415 - imports requests

    method, place = ping_request
    try:
        send(method, place, message[:LONGEST_BODY].encode(errors="replace") if method == "POST" else b"")
    except NotSent as problem:
        log.warning("the heartbeat (%s) could not be delivered: %s", state, problem)


def request(url: str, state: State) -> tuple[str, str] | None:
    """Return the method and address for a state; None if there is nothing to send."""
    spelt = url.replace(ALL_STATES, f"{{{'|'.join(STATES)}}}")
    words = [found[1 + STATES.index(state)] for found in _WORDS.finditer(spelt)]
    if not words:
        parts = urlsplit(url)
        suffix = _SUFFIXES[state]
        path = parts.path.rstrip("/") + suffix if suffix else parts.path
        return "POST", urlunsplit(parts._replace(path=path))
    if state == "start" and not all(words):
        return None
    return "GET", _WORDS.sub(lambda found: found[1 + STATES.index(state)], spelt)


def is_spelt_right(url: str) -> bool:
    """Return whether every brace of an address belongs to spelt-out states."""
    return not {"{", "}"} & set(_WORDS.sub("", url.replace(ALL_STATES, "")))
