"""Tries every delivery, whatever others do, and keeps what failed for people."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from northflank_audit import logs
from northflank_audit.errors import DeliveryError

log = logging.getLogger(__name__)

R = TypeVar("R")
Amend = Callable[[R, DeliveryError], R]
"""Returns a report that says which delivery failed, and why."""


def for_people(error: Exception) -> DeliveryError:
    """Return an error whose text is meant for people: this one, or an internal error."""
    if isinstance(error, DeliveryError):
        return error
    logs.trace(log, error)
    return DeliveryError(f"internal error: {type(error).__name__}; --verbose shows where")


def send_each(report: R, sends: Iterable[Callable[[R], str | None]], amend: Amend[R]) -> tuple[R, list[str]]:
    """Send a report in every way; return the final report, and the receipts: lines that say who was notified."""
    receipts: list[str | None] = []
    for send in sends:
        try:
            receipts.append(send(report))
        except Exception as error:  # noqa: BLE001 - whatever fails, the others are still notified
            report = amend(report, for_people(error))
    return report, [line for line in receipts if line]


def measure(report: R, sends: Iterable[Callable[[R], Any]], amend: Amend[R]) -> R:
    """Write and push metrics. If one fails, the others are repeated with the final exit code.

    A file comes before a push because it can be written again; a pushed success can't be withdrawn.
    """
    pending = list(sends)
    while True:
        for send in pending:
            try:
                send(report)
            except Exception as error:  # noqa: BLE001 - as above
                pending.remove(send)
                report = amend(report, for_people(error))
                break
        else:
            return report
