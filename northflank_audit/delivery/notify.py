"""Notifies chats and pagers through Apprise.

Apprise URLs contain passwords and keys, so messages name only where a URL is defined, and the library's own log is
suppressed. Text from outside is sent as plain text, which Apprise escapes for Markdown and HTML; mentions and addresses
that a chat would find in plain text are broken with an invisible space.
"""

import logging
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from northflank_audit.bounded import Job, OutOfTime
from northflank_audit.errors import DeliveryError, StartError
from northflank_audit.formats.headline import Outcome, headline, outcome
from northflank_audit.formats.subject import subject
from northflank_audit.formats.text import label
from northflank_audit.formats.worst import worst
from northflank_audit.installed import missing
from northflank_audit.model import Result
from northflank_audit.printable import chat_text, printable, shortened
from northflank_audit.report import Report

LONGEST: Final = 30.0
"""Seconds for all notifications together; some services need several seconds per message."""
_THREAD: Final = "notify"
"""The name of the threads that send."""
MOST_FINDINGS: Final = 5
MOST_REASONS: Final = 3
LONGEST_LINE: Final = 160
"""Characters per line; so a message fits the 2,000 characters of Discord, the lowest limit of the chats."""

_TYPES: Final = {
    Outcome.PASSED: "success",
    Outcome.VIOLATED: "warning",
    Outcome.INCONCLUSIVE: "warning",
    Outcome.INCOMPLETE: "failure",
}
"""Apprise's type for each outcome; services show it as a colour or a symbol."""


class Service(NamedTuple):
    """Someone to notify."""

    place: str
    """Where its URL is defined, for messages."""
    plugin: Any
    """Apprise's object for it."""
    teller: Any
    """Sends to this place only."""


def urls_of(text: str, path: str) -> list[tuple[str, str]]:
    """Return the URLs of a file with their positions, skipping empty lines and comments (#).

    Raises StartError if there is none, because nobody would be notified.
    """
    lines = ((f"{path}:{number}", line.strip()) for number, line in enumerate(text.splitlines(), 1))
    urls = [(place, line) for place, line in lines if line and not line.startswith("#")]
    if not urls:
        raise StartError(f"{printable(path)}: contains no URL; write Apprise URLs, one per line")
    return urls


def services(urls: Sequence[tuple[str, str]]) -> list[Service]:
    """Return who is to be notified, given places and URLs. Raises StartError for what Apprise can't use."""
    try:
        import apprise  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing("a notification", "notify") from None
    logging.getLogger("apprise").addFilter(_is_not_ours)
    # Our own threads have a time limit; Apprise's would keep the process from ending.
    asset = apprise.AppriseAsset(
        app_id="northflank-audit",
        app_desc="Compliance audit of a Northflank account",
        app_url="",
        async_mode=False,
        service_timeout=0,
        http_redirects=False,
    )
    with _unheard():
        targets = [Service(printable(place), *_plugin(apprise, url, asset)) for place, url in urls]
    if unusable := [service.place for service in targets if service.plugin is None]:
        problem = "not a URL that Apprise can use: unknown service, incomplete URL, or missing package"
        raise StartError("\n".join(f"{place}: {problem}" for place in unusable))
    return targets


def notify(to: Sequence[Service], report: Report, places: Sequence[str]) -> None:
    """Notify everyone; `places` are the paths of the reports. Raises DeliveryError with those that failed."""
    notify_of(to, subject(report), _lines(report, places), outcome(report))


def notify_of(to: Sequence[Service], subject: str, lines: Iterable[str], outcome: Outcome) -> None:
    """Notify everyone of an outcome, in a few lines. Raises DeliveryError with those that failed."""
    title, text, kind = _inert(subject), "\n".join(map(_inert, lines)), _TYPES[outcome]

    def tell(service: Service) -> bool:
        try:
            return bool(service.teller.notify(title=title, body=text, body_format="text", notify_type=kind))
        except Exception:  # noqa: BLE001 - not delivered; its text may contain the URL
            return False

    with _unheard():
        jobs = [
            (each, Job(partial(tell, each), _THREAD)) for each in to
        ]  # in parallel, so that one that hangs delays no other
        end = time.monotonic() + LONGEST
        failures = [each for each, job in jobs if not _delivered(job, end - time.monotonic())]
    if failures:
        names = ", ".join(f"{each.place} ({printable(str(each.plugin.service_name))})" for each in failures)
        raise DeliveryError(f"not everyone could be notified: {names}; `apprise -vv -b test URL` says why")


def _is_not_ours(record: logging.LogRecord) -> bool:
    """Return whether Apprise logs this for others: a thread that was given up may go on, and its logs contain URLs."""
    return record.threadName != _THREAD


def _delivered(job: Job[bool], seconds: float) -> bool:
    try:
        return job.result(seconds)
    except OutOfTime:
        return False


def body(report: Report, places: Sequence[str]) -> str:
    """Return a few lines: the verdict, why it is incomplete, the worst findings, and where the reports are."""
    return "\n".join(map(_inert, _lines(report, places)))


def _lines(report: Report, places: Sequence[str]) -> Iterator[str]:
    yield headline(report) + "."
    reasons = report.run.incomplete_reasons
    yield from (f"Incomplete: {reason}" for reason in reasons[:MOST_REASONS])
    if len(reasons) > MOST_REASONS:
        yield f"… and {len(reasons) - MOST_REASONS} more reasons"
    excerpts = worst(report, MOST_FINDINGS)
    yield from (_finding(result) for excerpt in excerpts for result in excerpt.first)
    if rest := sum(len(excerpt.rest) for excerpt in excerpts):
        yield f"… and {rest} more"
    if places:
        yield f"Reports: {', '.join(places)}"


def _finding(result: Result) -> str:
    state = ("new, " if result.state == "new" else "") + ("overdue, " if result.overdue is True else "")
    return f"• {state}{result.severity}: {label(result.resource)}: {result.message}"


def _inert(text: str) -> str:
    """Return a line without mentions or addresses, shortened to the limit."""
    return shortened(chat_text(printable(text)), LONGEST_LINE)


def _plugin(apprise: Any, url: str, asset: Any) -> tuple[Any, Any]:
    """Return Apprise's object for a URL, and what sends to it; None if Apprise can't use the URL."""
    teller = apprise.Apprise()
    try:
        plugin = apprise.Apprise.instantiate(url, asset=asset)
        teller.add(plugin)
    except Exception:  # noqa: BLE001 - any error may contain the URL, which must not be shown
        plugin = None
    return plugin, teller


@contextmanager
def _unheard() -> Iterator[None]:
    """Suppress logs and warnings meanwhile, since those of Apprise and its libraries contain URLs."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
