"""Records a run and the changes of its findings."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from northflank_audit.history.past import Holder, Known, Past, Team, known
from northflank_audit.history.schema import ACCOUNTS, BLOBS, EVENTS, FINDINGS, RUN_ACCOUNTS, RUNS
from northflank_audit.model import Result, Severity, Status
from northflank_audit.remarks import Waiver
from northflank_audit.report import Report
from northflank_audit.resolution import Became

CHUNK: Final = 500
"""Fingerprints in one query, because SQLite limits the number of parameters."""


class Kind(StrEnum):
    """Changes of a finding, in addition to each value of `Became`."""

    OPENED = "opened"
    REOPENED = "reopened"
    SEEN = "seen"
    """A run saw it again after one or more could not."""
    WAIVED = "waived"
    UNWAIVED = "unwaived"


def record(connection: sa.Connection, report: Report, past: Past, teams: Collection[Team]) -> list[int]:
    """Write a run and what it changed, and return the numbers of its accounts.

    `past` is what it was compared with, `teams` are the accounts it audited.
    Whatever another run has recorded since `past` was read stays as that run says.
    """
    accounts = {team: _account(connection, past.holder, team) for team in _teams(report, teams)}
    seq = _run(connection, report)
    writer = _Writer(connection, seq, report.run.started_at, past.seq)
    failed = [each for each in report.results if each.status is Status.FAIL]
    current = _current(connection, accounts, [*failed, *report.resolved_results, *report.unsettled_results])
    for result in failed:
        account = accounts[result.resource.team]
        before = current.get((account, result.fingerprint))
        if before is None:
            writer.open(account, result)
        else:
            writer.see(before, result)
    for result in [*report.resolved_results, *report.unsettled_results]:
        team = result.resource.team
        before = current.get((accounts[team], result.fingerprint)) if team in accounts else None
        if before is not None:
            writer.end(before, result)
    writer.flush()
    _counts(connection, seq, report, accounts)
    return list(accounts.values())


def amend(connection: sa.Connection, report: Report) -> None:
    """Correct a recorded run after one of its reports could not be delivered."""
    connection.execute(
        sa.update(RUNS)
        .where(RUNS.c.id == report.run.id)
        .values(complete=report.run.complete, exit_code=report.exit_code, run=_json(report.run))
    )


def _teams(report: Report, teams: Collection[Team]) -> list[Team]:
    """Return the accounts of a run: those that it audited, and those of its other findings."""
    found = {each.resource.team for each in report.results if each.status is Status.FAIL}
    return sorted({*teams, *found}, key=lambda team: team or "")


def _account(connection: sa.Connection, holder: Holder, team: Team) -> int:
    identity = {"host": holder.host, "entity": holder.entity, "team": team or ""}
    where = [ACCOUNTS.c[key] == value for key, value in identity.items()]
    found = connection.execute(sa.select(ACCOUNTS.c.id).where(*where)).scalar()
    if found is None:
        found = _inserted(connection, sa.insert(ACCOUNTS).values(identity), ACCOUNTS.c.id)
    return int(found)


def _run(connection: sa.Connection, report: Report) -> int:
    run = report.run
    return _inserted(
        connection,
        sa.insert(RUNS).values(
            id=run.id,
            started_at=run.started_at,
            finished_at=run.finished_at,
            complete=run.complete,
            exit_code=report.exit_code,
            tool=report.tool.version,
            run=_json(run),
            summary=_json(report.summary),
            gate=_json(report.gate),
            subjects=_json([] if report.subjects is UNSET else report.subjects),
            rules=_blob(connection, [msgspec.structs.replace(each, counts={}) for each in report.rules]),
            compliance=_blob(connection, report.compliance),
            coverage=_blob(connection, report.coverage),
            waivers=_blob(connection, _waivers(report)),
        ),
        RUNS.c.seq,
    )


def _inserted(connection: sa.Connection, insert: sa.Insert, key: sa.Column[int]) -> int:
    """Insert a row, and return its number."""
    return int(connection.execute(insert.returning(key)).scalar_one())


def _waivers(report: Report) -> dict[str, list[Waiver]]:
    """Return the waivers of a run, used and unused."""
    used = {_json(each.waiver): each.waiver for each in report.results if each.waiver is not None}
    return {
        "used": [used[key] for key in sorted(used)],
        "expired": list(report.waivers.expired),
        "unused": list(report.waivers.unused),
    }


def _blob(connection: sa.Connection, value: Any) -> str:
    """Store a text that many runs share once; return its digest."""
    text = _json(value)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if connection.execute(sa.select(BLOBS.c.digest).where(BLOBS.c.digest == digest)).scalar() is None:
        connection.execute(sa.insert(BLOBS).values(digest=digest, text=text))
    return digest


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _current(
    connection: sa.Connection, accounts: Mapping[Team, int], results: Iterable[Result]
) -> dict[tuple[int, str], Known]:
    """Return the current rows of these findings, by account and fingerprint."""
    teams = {account: team for team, account in accounts.items()}
    found: dict[tuple[int, str], Known] = {}
    for fingerprints in _chunks(sorted({each.fingerprint for each in results})):
        rows = connection.execute(
            sa.select(FINDINGS).where(FINDINGS.c.fingerprint.in_(fingerprints), FINDINGS.c.account_id.in_(list(teams)))
        )
        for row in rows.mappings():
            each = known(row, teams[row["account_id"]])
            found[each.account_id, each.result.fingerprint] = each
    return found


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


class _Writer:
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
        finding = _inserted(self._connection, sa.insert(FINDINGS).values(values), FINDINGS.c.id)
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
        "evidence": _json(result.evidence),
        "waiver": _waiver(result.waiver),
    }


def _waiver(waiver: Waiver | None) -> str | None:
    return None if waiver is None else _json(waiver)


def _counts(connection: sa.Connection, seq: int, report: Report, accounts: Mapping[Team, int]) -> None:
    """Write the open findings of each account by severity, so that trends need not count again.

    Findings that the run did not see also count as open: a trend does not fall because fewer rules ran.
    """
    counts: dict[int, Counter[str]] = {account: Counter() for account in accounts.values()}
    group = (FINDINGS.c.account_id, FINDINGS.c.severity, FINDINGS.c.waiver.is_not(None))
    query = (
        sa.select(*group, sa.func.count())
        .where(FINDINGS.c.resolved.is_(None), FINDINGS.c.account_id.in_(list(counts)))
        .group_by(*group)
    )
    for account, severity, waived, count in connection.execute(query):
        counts[account]["waived" if waived else severity] += count
    changes = (
        ("new", [each for each in report.results if each.state in ("new", "reopened")]),
        ("resolved", report.resolved_results),
        ("unsettled", report.unsettled_results),
    )
    for name, results in changes:
        for each in results:
            if each.resource.team in accounts:
                counts[accounts[each.resource.team]][name] += 1
    columns = (*(severity.value for severity in Severity), "waived", "new", "resolved", "unsettled")
    rows = [
        {"run_seq": seq, "account_id": account, **{name: of[name] for name in columns}}
        for account, of in counts.items()
    ]
    connection.execute(sa.insert(RUN_ACCOUNTS), rows)
