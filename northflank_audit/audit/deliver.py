"""Delivers a report: files first, then mail and notifications, metrics last.

A report that could not be written or sent makes the audit incomplete; what was written before is then written again.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from northflank_audit.bounded import turn
from northflank_audit.config.settings import NOTIFY_VARIABLE, Settings
from northflank_audit.deadline import Deadline
from northflank_audit.delivery import files, notify
from northflank_audit.delivery.attempts import for_people, measure, send_each
from northflank_audit.delivery.previous import previous
from northflank_audit.delivery.when import is_due
from northflank_audit.errors import DeliveryError, StartError
from northflank_audit.formats import FORMATS, Format
from northflank_audit.printable import inert
from northflank_audit.reading import read_text
from northflank_audit.report import Report
from northflank_audit.spool import Spool

Destination = tuple[str, str]
"""A format's name, and the path where it goes."""
Send = Callable[[Report], str | None]
"""Delivers a report, and returns a receipt: a line that says who was notified. Raises DeliveryError on failure."""
Amend = Callable[[Report], Report]
"""Corrects the record of a report, and returns the report, marked incomplete if that fails."""
STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable by which GitHub Actions names the file of a step's summary, as Markdown.

Source: GitHub's documentation, "Workflow commands for GitHub Actions"."""

RENDERING: Final = 60.0
"""Seconds after the run's deadline in which rendering of a format may still begin."""
LONGEST_TURN: Final = 1.0
"""Seconds to wait, at most, while other runs of this process write."""
_turns: Final = threading.Lock()
OUT_OF_TIME: Final = "the run's time is up; see --timeout"


def channels(settings: Settings, environment: Mapping[str, str] = os.environ) -> list[Send]:
    """Return the ways in which people are notified of a report, in this order.

    Raises StartError for what could not work, formats included, so that it is known before anything is fetched.
    """
    for report_format in settings.formats:
        report_format.check()
    for name, path in settings.output:
        if FORMATS[name].is_binary and path == "-" and sys.stdout is not None and sys.stdout.isatty():
            raise StartError(f"--output {name}=-: not text, and standard output is a terminal: name a file")
    return [*_mail(settings), *_notifications(settings, environment)]


def deliver(
    settings: Settings,
    people: Sequence[Send],
    report: Report,
    deadline: Deadline,
    amend: Amend = lambda report: report,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Report, list[str], list[str]]:
    """Write the reports and send them; return the final report, the paths of the files, and the receipts.

    A receipt is a line that says who was notified. `amend` is called with a report that became incomplete during
    delivery.
    """
    recorded = report
    renderer = _Renderer(settings, deadline)
    destinations = settings.destinations
    streams = [destination for destination in destinations if files.is_stream(destination[1])]
    report, written = _write(
        settings, [destination for destination in destinations if destination not in streams], report, renderer
    )
    appended = _step_summary(settings, environment.get(STEP_SUMMARY))
    # What can't be undone comes last.
    sends = [*people, *(_stream(settings, stream) for stream in streams), *appended]
    final, receipts = send_each(report, sends, incomplete)
    final = _measure(settings, final)
    if final is not recorded:
        final = amend(final)
    if final is not report:
        final, written = _write(settings, written, final, renderer)
    return final, [path for _, path in written], receipts


def _mail(settings: Settings) -> Iterator[Send]:
    if settings.email is not None:
        from northflank_audit.delivery import mail  # noqa: PLC0415 - imports tenacity

        yield partial(mail.send, email=settings.email, folder=settings.output_dir)


def _notifications(settings: Settings, environment: Mapping[str, str]) -> Iterator[Send]:
    urls = _notify_urls(settings, environment)
    if not urls:
        return
    to = notify.services(urls)
    paths = [path for _, path in settings.destinations if not files.is_stream(path)]

    def send(report: Report) -> str | None:
        if not is_due(settings.notify_when, report):
            return None
        notify.notify(to, report, paths)
        return f"notified: {', '.join(each.place for each in to)}"

    yield send


def _notify_urls(settings: Settings, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the places and URLs of `--notify-file`, else those of the environment, which a demo ignores."""
    if settings.notify_file is not None:
        if "://" in settings.notify_file:
            raise StartError("--notify-file: expects a file, not a URL (URLs may contain secrets)")
        return notify.urls_of(read_text(settings.notify_file), settings.notify_file)
    urls = [] if settings.demo else environment.get(NOTIFY_VARIABLE, "").split()
    return [(f"{NOTIFY_VARIABLE}, URL {number}", url) for number, url in enumerate(urls, 1)]


def _measure(settings: Settings, report: Report) -> Report:
    """Write and push the metrics, the file first."""
    if settings.metrics_file is None and settings.metrics_push is None:
        return report
    from northflank_audit.delivery import metrics  # noqa: PLC0415 - imports prometheus_client

    scope = metrics.scope(settings.team, all_teams=settings.all_teams)
    pending: list[Send] = []
    if settings.metrics_file is not None:
        before = metrics.last_success(settings.metrics_file, report, scope)
        pending.append(partial(metrics.write, settings.metrics_file, scope=scope, before=before))
    if settings.metrics_push is not None:
        pending.append(partial(metrics.push, settings.metrics_push, scope=scope))
    return measure(report, pending, incomplete)


def _step_summary(settings: Settings, path: str | None) -> Iterator[Send]:
    """Yield a file that appends a brief report to the step summary of a CI."""

    def send(report: Report) -> None:
        from northflank_audit.formats.brief import brief  # noqa: PLC0415 - imports jinja2

        files.append(str(path), f"\n{brief(report)}")

    if path and any(each.step_summary for each in settings.formats):
        yield send


class _Renderer:
    """Renders reports. No rendering begins later than `RENDERING` seconds after the run's deadline."""

    def __init__(self, settings: Settings, deadline: Deadline) -> None:
        self._settings = settings
        self._deadline = deadline
        self._rendered: set[Destination] = set()

    def contents(
        self, destinations: Sequence[Destination], report: Report, spools: ExitStack
    ) -> list[tuple[str, files.Content]]:
        """Return paths and contents of the formats for which there is time: at least one, and those rendered before.

        Raises NotWritten where a format fails.
        """
        contents: list[tuple[str, files.Content]] = []
        for destination in destinations:
            late = self._deadline.overdue > RENDERING and destination not in self._rendered
            if late and contents:
                break
            contents.append((destination[1], self._content(*destination, report, spools.enter_context(Spool()))))
            self._rendered.add(destination)
        return contents

    def _content(self, name: str, path: str, report: Report, content: Spool) -> Spool:
        """Return a file's content. Raises NotWritten if a format fails, so that the other formats are still written."""
        try:
            for piece in FORMATS[name].pieces(report, **_options(self._settings, FORMATS[name])):
                content.write(piece)
        except Exception as error:  # noqa: BLE001 - as above
            raise files.NotWritten(path, error if isinstance(error, OSError) else for_people(error)) from None
        return content


def _options(settings: Settings, report_format: Format) -> dict[str, Any]:
    """Return the settings that a format depends on."""
    return {name: getattr(settings, name) for name in report_format.options}


def _write(
    settings: Settings, destinations: Sequence[Destination], report: Report, renderer: _Renderer
) -> tuple[Report, list[Destination]]:
    """Write all files of one report; if one can't be written, the others say so."""
    pending = list(destinations)
    with ExitStack() as stack:
        try:
            if settings.format:
                stack.enter_context(files.alone(settings.output_dir))
        except files.NotWritten as error:
            pending = [destination for destination in pending if destination not in settings.output_dir_destinations]
            report = incomplete(report, error)
        report = _keep_previous(report, pending)
        if pending:  # in a fleet, rendering takes the processor from what is read; several at a time take more
            stack.enter_context(turn(_turns, LONGEST_TURN))
        while True:
            try:
                contents = renderer.contents(pending, report, stack)
                if len(contents) < len(pending):
                    late, pending = pending[len(contents) :], pending[: len(contents)]
                    for _, path in late:
                        report = incomplete(report, files.NotWritten(path, TimeoutError(OUT_OF_TIME)))
                    continue
                files.write_all(contents)
            except files.NotWritten as error:
                pending = [destination for destination in pending if destination[1] != error.path]
                report = incomplete(report, error)
            else:
                return report, pending


def _keep_previous(report: Report, destinations: Sequence[Destination]) -> Report:
    try:
        if report.run.has_gaps and report.saw_nothing:
            files.write_all(list(previous(destinations)))
    except files.NotWritten as error:
        return incomplete(report, error)
    return report


def _stream(settings: Settings, destination: Destination) -> Send:
    """Return what writes a report to standard output or a pipe. It can't be undone, so it comes last."""
    name, path = destination

    def send(report: Report) -> None:
        with Spool() as content:
            for piece in _inert(FORMATS[name], report, settings):
                content.write(piece)
            if path != "-":
                files.write(path, content)
                return
            if sys.stdout is None:
                raise DeliveryError("standard output could not be written (it is closed)")
            try:
                sys.stdout.flush()
                sys.stdout.buffer.writelines(content)  # UTF-8 whatever the locale, and line ends as they are
                sys.stdout.buffer.flush()
            except OSError as error:
                raise DeliveryError(f"standard output could not be written ({error.strerror})") from None

    return send


def _inert(report_format: Format, report: Report, settings: Settings) -> Iterator[bytes]:
    for piece in report_format.pieces(report, **_options(settings, report_format)):
        if report_format.is_binary:
            yield piece
        else:
            yield inert(piece.decode(), json=report_format.is_json, commands=report_format.commands).encode()


def incomplete(report: Report, error: DeliveryError) -> Report:
    """Return a report that says which delivery failed, and why."""
    run, problem = report.run, str(error)
    run = replace(
        run,
        complete=False,
        incomplete_reasons=[*run.incomplete_reasons, problem],
        undelivered=[*run.undelivered, problem],
    )
    return replace(report, run=run, exit_code=error.exit_code)
