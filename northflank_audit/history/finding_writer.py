"""Writes the changes of findings."""

import datetime as dt
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from northflank_audit.history.past import Known
from northflank_audit.history.schema import EVENTS, FINDINGS
from northflank_audit.model import Result
from northflank_audit.remarks import Waiver
from northflank_audit.resolution import Became


class Kind(StrEnum):
    """Changes of a finding, in addition to each value of `Became`."""

    OPENED = "opened"
    REOPENED = "reopened"
    SEEN = "seen"
    """A run saw it again after one or more could not."""
    WAIVED = "waived"
    UNWAIVED = "unwaived"


class FindingWriter:
    """Collects changes, and writes them table by table."""

    def __init__(self, connection: sa.Connection, seq: int, at: dt.datetime, before: int) -> None:
        self._connection, self._seq, self._at, self._before = connection, seq, at, before
        self._seen: list[dict[str, Any]] = []
        self._ended: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def open(self, account: int, result: Result) -> None:
        """Write a finding that was never seen before."""
        values = {
            **_shown(result),
            "account_id": account,
            "fingerprint": result.fingerprint,
            "rule": result.rule_id,
            "type": result.resource.type,
            "project": result.resource.project,
            "resource": result.resource.id,
            "first_seen": self._at,
            "open_since": self._at,
            "open_seq": self._seq,
            "last_seen": self._at,
            "last_seq": self._seq,
        }
        finding = inserted(self._connection, sa.insert(FINDINGS).values(values), FINDINGS.c.id)
        self._event(finding, Kind.OPENED)
        if values["waiver"] is not None:
            self._event(finding, Kind.WAIVED, values["waiver"])

    def see(self, before: Known, result: Result) -> None:
        """Write that a finding is still, or again, violated."""
        shown = _shown(result)
        again = before.resolved is not None
        if again:
            self._event(before.id, Kind.REOPENED)
        elif before.unsettled is not None:
            self._event(before.id, Kind.SEEN)
        waiver = _waiver(before.result.waiver)
        if shown["waiver"] is not None and (again or shown["waiver"] != waiver):
            self._event(before.id, Kind.WAIVED, shown["waiver"])
        unwaived = shown["waiver"] is None and waiver is not None and not again
        if unwaived:
            self._event(before.id, Kind.UNWAIVED)
        self._seen.append(
            {
                "b_id": before.id,
                **shown,
                "last_seen": max(before.last_seen, self._at),
                "last_seq": self._seq,
                "open_since": self._at if again or unwaived else before.open_since,
                "open_seq": self._seq if again else before.open_seq,
                "unsettled": None,
                "resolved": None,
                "resolved_at": None,
                "resolved_seq": None,
            }
        )

    def end(self, before: Known, result: Result) -> None:
        """Write the new state of a finding that this run did not find violated."""
        became = result.became
        if became is UNSET or before.resolved is not None or before.last_seq > self._before:
            return
        resolved = became in (Became.FIXED, Became.NOTAPPLICABLE, Became.GONE)
        if not resolved and before.unsettled is became:
            return
        self._event(before.id, became)
        self._ended.append(
            {
                "b_id": before.id,
                "unsettled": None if resolved else became.value,
                "resolved": became.value if resolved else None,
                "resolved_at": self._at if resolved else None,
                "resolved_seq": self._seq if resolved else None,
            }
        )

    def flush(self) -> None:
        """Write what was collected."""
        for rows in (self._seen, self._ended):
            if rows:
                names = [name for name in rows[0] if name != "b_id"]
                update = (
                    sa.update(FINDINGS)
                    .where(FINDINGS.c.id == sa.bindparam("b_id"))
                    .values({name: sa.bindparam(name) for name in names})
                )
                self._connection.execute(update, rows)
        if self._events:
            self._connection.execute(sa.insert(EVENTS), self._events)

    def _event(self, finding: int, kind: Kind | Became, waiver: str | None = None) -> None:
        self._events.append(
            {"finding_id": finding, "run_seq": self._seq, "at": self._at, "kind": kind.value, "waiver": waiver}
        )


def _shown(result: Result) -> dict[str, Any]:
    return {
        "severity": result.severity.value,
        "name": result.resource.name,
        "message": result.message,
        "evidence": to_json(result.evidence),
        "waiver": _waiver(result.waiver),
    }


def _waiver(waiver: Waiver | None) -> str | None:
    return None if waiver is None else to_json(waiver)


def inserted(connection: sa.Connection, insert: sa.Insert, key: sa.Column[int]) -> int:
    """Insert a row, and return its number."""
    return int(connection.execute(insert.returning(key)).scalar_one())


def to_json(value: Any) -> str:
    """Return a value as JSON; equal values give equal texts."""
    return msgspec.json.encode(value, order="deterministic").decode()
