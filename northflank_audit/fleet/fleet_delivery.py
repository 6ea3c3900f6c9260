"""Delivers a fleet's report: files first, then mail and notifications, metrics last.

A report that could not be written or sent makes the exit code 3; what was written before is then written again.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from northflank_audit.delivery import files
from northflank_audit.delivery.attempts import for_people, measure, send_each
from northflank_audit.delivery.heartbeat import heartbeat_of
from northflank_audit.delivery.mailconfig import Email
from northflank_audit.delivery.notify import Service, notify_of
from northflank_audit.delivery.when import When
from northflank_audit.errors import DeliveryError, StartError
from northflank_audit.fleet.fleet_outcome import complete, fleet_outcome, fleet_subject, undelivered, violations
from northflank_audit.fleet.fleet_pages import render_html, render_json, render_markdown
from northflank_audit.fleet.fleet_report import INCOMPLETE, FleetReport

Send = Callable[[FleetReport], str | None]
"""Delivers a report, and returns a receipt: a line that says who was notified. Raises DeliveryError on failure."""

FILES: Final[dict[str, Callable[[FleetReport], str]]] = {
    "fleet.html": render_html,
    "fleet.md": render_markdown,
    "fleet.json": render_json,
}
"""What is written, by the files' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDelivery:
    """Who gets a fleet's report besides its folder.

    Raises StartError for `when: changes`, since a fleet's report is not compared with an earlier one.
    """

    name: str = "fleet"
    """The fleet's name in metrics, such as the fleet file's without its ending."""
    email: Email | None = None
    services: tuple[Service, ...] = field(default=(), repr=False)
    """Who is notified, as `notify.services` returns them."""
    notify_when: When = "violations"
    metrics_file: str | None = None
    metrics_push: str | None = field(default=None, repr=False)
    heartbeat: str | None = field(default=None, repr=False)
    """The monitor of `monitored`."""

    def __post_init__(self) -> None:
        """Refuse what can't work."""
        for what, when in (("email", self.email.when if self.email else ""), ("notify", self.notify_when)):
            if when == "changes":
                raise StartError(
                    f"{what}: 'when: changes' is not for fleets, whose report is not compared with an earlier one; "
                    "choose 'violations' or 'always'"
                )


def monitored(settings: FleetDelivery) -> AbstractContextManager[Callable[[FleetReport], None]]:
    """Ping the monitor at the start and at the end of a fleet's run; yield the function that takes the final report.

    The end is a failure if the exit code is 3, or if an error ends the run.
    """
    return heartbeat_of(settings.heartbeat, fleet_subject)


def deliver_fleet(
    report: FleetReport, settings: FleetDelivery, folder: str
) -> tuple[FleetReport, list[str], list[str]]:
    """Write the fleet's files and send them; return the final report, the paths of the files, and the receipts.

    The heartbeat is not pinged here; see `monitored`.
    """
    report, written = _write(report, folder, list(FILES))
    final, receipts = send_each(report, _channels(settings, folder, written), failed)
    final = measure(final, _metrics(settings), failed)
    if final is not report:
        final, written = _write(final, folder, written)
    return final, [str(Path(folder, name)) for name in written], receipts


def failed(report: FleetReport, error: DeliveryError) -> FleetReport:
    """Return a report that says which delivery failed, and why."""
    return replace(report, exit_code=INCOMPLETE, undelivered=[*undelivered(report), str(error)])


def is_due(when: When, report: FleetReport) -> bool:
    """Return whether to notify people of a fleet: of an incomplete one always."""
    return when == "always" or not complete(report) or violations(report) > 0


def _channels(settings: FleetDelivery, folder: str, written: list[str]) -> Iterator[Send]:
    if settings.email is not None:
        yield partial(_mail, email=settings.email, folder=folder)
    if settings.services:
        yield partial(_notify, settings=settings, places=[str(Path(folder, name)) for name in written])


def _mail(report: FleetReport, email: Email, folder: str) -> str:
    from northflank_audit.delivery import mail  # noqa: PLC0415 - imports tenacity
    from northflank_audit.fleet.fleet_mail import fleet_letter  # noqa: PLC0415 - as above

    if not is_due(email.when, report):
        return mail.not_due(email)
    return mail.post(fleet_letter(report, folder), email, folder)


def _notify(report: FleetReport, settings: FleetDelivery, places: list[str]) -> str | None:
    if not is_due(settings.notify_when, report):
        return None
    from northflank_audit.fleet.fleet_mail import note  # noqa: PLC0415 - imports tenacity

    notify_of(settings.services, fleet_subject(report), note(report, places), fleet_outcome(report))
    return f"notified: {', '.join(each.place for each in settings.services)}"


def _metrics(settings: FleetDelivery) -> Iterator[Callable[[FleetReport], None]]:
    if settings.metrics_file is None and settings.metrics_push is None:
        return
    from northflank_audit.fleet import fleet_metrics  # noqa: PLC0415 - imports prometheus_client

    if settings.metrics_file is not None:
        yield partial(_call, fleet_metrics.write, settings.metrics_file, settings.name)
    if settings.metrics_push is not None:
        yield partial(_call, fleet_metrics.push, settings.metrics_push, settings.name)


def _call(send: Callable[[str, FleetReport, str], None], place: str, name: str, report: FleetReport) -> None:
    send(place, report, name)


def _write(report: FleetReport, folder: str, names: list[str]) -> tuple[FleetReport, list[str]]:
    """Write the fleet's files, alone in the folder; if one can't be written, the others say so."""
    pending = list(names)
    try:
        with files.alone(folder):
            while True:
                try:
                    files.write_all([_content(report, folder, name) for name in pending])
                except files.NotWritten as error:
                    pending = [name for name in pending if str(Path(folder, name)) != error.path]
                    report = failed(report, error)
                else:
                    return report, pending
    except files.NotWritten as error:  # the folder
        return failed(report, error), []


def _content(report: FleetReport, folder: str, name: str) -> tuple[str, str]:
    """Return a file's path and text. Raises NotWritten if rendering fails, so that the others are still written."""
    path = str(Path(folder, name))
    try:
        return path, FILES[name](report)
    except Exception as error:  # noqa: BLE001 - whatever fails, the other files are still written
        raise files.NotWritten(path, for_people(error)) from None
