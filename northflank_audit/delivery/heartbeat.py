"""The heartbeat: a monitor is told that an audit began and how it ended, so that one that stops running is noticed.

What matters here is that the job ran to its end and saw everything, whatever it found: violations are the report's
business. A process that is killed sends no end, and a ping that can't be delivered changes no exit code: for either,
that nothing comes is what makes the monitor raise its alarm.

An address without braces is that of healthchecks.io and its like: `/start` or `/fail` is added to its path, the
report's subject is posted. Others spell their states out, as `{start|success|fail}` in the address, and are asked with
GET; without a word for the start nothing is sent then:

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
from contextlib import contextmanager
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from northflank_audit.delivery.http_request import NotSent, send
from northflank_audit.errors import AuditError
from northflank_audit.formats.subject import subject
from northflank_audit.report import Report

State = Literal["start", "success", "fail"]

STATES: Final[tuple[State, ...]] = ("start", "success", "fail")
ALL_STATES: Final = "{state}"
"""Short for `{start|success|fail}`."""
ENDED: Final = (0, 1)
"""The exit codes of an audit that ran to its end and saw everything."""
LONGEST_BODY: Final = 1000
"""Characters of a ping's body; healthchecks.io keeps the first 100 kB."""

_WORDS: Final = re.compile(r"\{([^{}|]*)\|([^{}|]*)\|([^{}|]*)\}")
_SUFFIXES: Final[dict[State, str]] = {"start": "/start", "success": "", "fail": "/fail"}

log = logging.getLogger(__name__)


@contextmanager
def heartbeat(url: str | None) -> Iterator[Callable[[Report], None]]:
    """Ping at the start and at the end; give what takes the final report.

    Without that report, or with an incomplete one, the end is a failure. Stopped and KeyboardInterrupt send none.
    """
    reports: list[Report] = []
    ping(url, "start")
    try:
        yield reports.append
    except Exception as error:
        ping(url, "fail", str(error) if isinstance(error, AuditError) else "internal error")
        raise
    ended = bool(reports) and reports[-1].exit_code in ENDED
    ping(url, "success" if ended else "fail", subject(reports[-1]) if reports else "")


def ping(url: str | None, state: State, message: str = "") -> None:
    """Tell the monitor; where that can't be done, log it."""
    ping_request = request(url, state) if url else None
    if ping_request is None:
        return
    method, place = ping_request
    try:
        send(method, place, message[:LONGEST_BODY].encode(errors="replace") if method == "POST" else b"")
    except NotSent as problem:
        log.warning("the heartbeat (%s) could not be delivered: %s", state, problem)


def request(url: str, state: State) -> tuple[str, str] | None:
    """Return the method and the address that tell a state; None where there is nothing to tell."""
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
    """Tell whether every brace of an address belongs to states that are spelt out."""
    return not {"{", "}"} & set(_WORDS.sub("", url.replace(ALL_STATES, "")))
