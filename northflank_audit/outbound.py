"""Everything that leaves an audit: reports first, then who is told of them.

A report that could not be written or sent makes the audit incomplete; what was written before is then written again.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from northflank_audit.delivery import files
from northflank_audit.errors import DeliveryError
from northflank_audit.formats import FORMATS
from northflank_audit.report import Report
from northflank_audit.settings import Settings

Place = tuple[str, str]
"""A format's name, and the path where it goes."""
Send = Callable[[Report], None]
"""Delivers a report. Raises DeliveryError where that fails."""


def deliver(settings: Settings, report: Report) -> tuple[Report, list[str]]:
    """Write the reports and tell who is to be told; return the final report and the paths of the files."""
    places = [*_inside(settings), *settings.output]
    streams = [place for place in places if files.is_stream(place[1])]
    report, written = _write(settings, [place for place in places if place not in streams], report)
    told = report
    for send in [*_channels(settings), *map(_stream, streams)]:
        try:
            send(told)
        except DeliveryError as error:
            told = _incomplete(told, error)
    if told is not report:
        told, written = _write(settings, written, told)
    return told, [path for _, path in written]


def _channels(settings: Settings) -> Iterator[Send]:
    """Yield what tells people and machines of the report, in this order."""
    if settings.email is not None:
        from northflank_audit.delivery import mail  # noqa: PLC0415 - imports tenacity

        yield partial(mail.send, email=settings.email, folder=settings.output_dir)


def _inside(settings: Settings) -> list[Place]:
    """Return the places in the folder of reports."""
    return [(name, str(Path(settings.output_dir) / FORMATS[name].filename)) for name in settings.format]


def _write(settings: Settings, places: Sequence[Place], report: Report) -> tuple[Report, list[Place]]:
    """Write files, all of the same report; where one can't be written, the others say so."""
    left = list(places)
    with ExitStack() as stack:
        try:
            if settings.format:
                stack.enter_context(files.alone(settings.output_dir))
        except files.NotWritten as error:
            left = [place for place in left if place not in _inside(settings)]
            report = _incomplete(report, error)
        while True:
            try:
                files.write_all([(path, FORMATS[name].render(report)) for name, path in left])
            except files.NotWritten as error:
                left = [place for place in left if place[1] != error.path]
                report = _incomplete(report, error)
            else:
                return report, left


def _stream(place: Place) -> Send:
    """Return what writes a report to standard output or a pipe, which can't be taken back: so they come last."""
    name, path = place

    def send(report: Report) -> None:
        text = FORMATS[name].render(report)
        if path != "-":
            files.write(path, text)
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            raise DeliveryError(f"standard output could not be written ({error.strerror})") from None

    return send


def _incomplete(report: Report, error: DeliveryError) -> Report:
    reasons = [*report.run.incomplete_reasons, str(error)]
    run = replace(report.run, complete=False, incomplete_reasons=reasons)
    return replace(report, run=run, exit_code=error.exit_code)
