"""Reads the past of some accounts before a run."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from northflank_audit import typed
from northflank_audit.baseline import Baseline, BaselineRule
from northflank_audit.history.schema import ACCOUNTS, BLOBS, FINDINGS, INCONCLUSIVE, RUN_ACCOUNTS, RUNS
from northflank_audit.model import ResourceName, Result, Severity, Status
from northflank_audit.remarks import Waiver
from northflank_audit.report import Origin, Run
from northflank_audit.resolution import Became

Team = str | None
INPUT: Final = "input"
"""The host of files that do not say where they are from."""


class Holder(NamedTuple):
    """The holder of accounts, which are identified by host, by this entity, and by team."""

    host: str
    """The API's host, without the port, in lower case; else `demo` or `input`."""
    entity: str
    """The entity of `/v1/auth`, else the fleet's target, else empty."""


@dataclass(frozen=True, slots=True)
class Known:
    """A finding of the history, after the last run that saw it."""

    id: int
    account_id: int
    result: Result
    first_seen: dt.datetime
    open_since: dt.datetime
    last_seen: dt.datetime
    open_seq: int
    last_seq: int
    unsettled: Became | None
    resolved: Became | None
    resolved_seq: int | None

    def state_after(self, seq: int) -> Literal["new", "ongoing", "reopened"]:
        """Return its state after a run that saw it, by the run's number."""
        if self.open_seq != seq:
            return "ongoing"
        return "new" if self.first_seen == self.open_since else "reopened"


@dataclass(frozen=True, slots=True)
class Past:
    """The past of the accounts of a holder."""

    holder: Holder
    seq: int = 0
    """The number of the last run that is recorded, of whichever account."""
    last: Baseline | None = None
    """The last run over these accounts, and what was open after it; None without such a run."""
    findings: Mapping[tuple[int, str], Known] = field(default_factory=dict)
    """By account and fingerprint."""
    accounts: Mapping[Team, int] = field(default_factory=dict)

    def known(self, result: Result) -> Known | None:
        """Return what is known about a finding, open or resolved."""
        account = self.accounts.get(result.resource.team)
        return None if account is None else self.findings.get((account, result.fingerprint))


def host_of(origin: Origin) -> str:
    """Return the host that identifies accounts."""
    if origin.kind == "demo":
        return "demo"
    host = urlsplit(origin.url).hostname if origin.url else None
    return host or INPUT


def read_past(connection: sa.Connection, holder: Holder, teams: Iterable[Team] | None) -> Past:
    """Return the past of accounts, by their teams (None: all of the holder's)."""
    holder = _resolved(connection, holder)
    accounts = {
        row.team or None: row.id
        for row in connection.execute(
            sa.select(ACCOUNTS.c.team, ACCOUNTS.c.id).where(
                ACCOUNTS.c.host == holder.host, ACCOUNTS.c.entity == holder.entity
            )
        )
    }
    asked = set(accounts.values()) if teams is None else {accounts[team] for team in teams if team in accounts}
    seq = connection.execute(sa.select(sa.func.max(RUNS.c.seq))).scalar() or 0
    latest = connection.execute(
        sa.select(sa.func.max(RUN_ACCOUNTS.c.run_seq)).where(RUN_ACCOUNTS.c.account_id.in_(asked))
    ).scalar()
    if latest is None:
        return Past(holder, seq, None, {}, accounts)
    with_it = connection.execute(sa.select(RUN_ACCOUNTS.c.account_id).where(RUN_ACCOUNTS.c.run_seq == latest)).scalars()
    names = {identifier: team for team, identifier in accounts.items()}
    findings = _findings(connection, asked.union(with_it), names)
    return Past(
        holder,
        seq,
        _baseline(connection, latest, findings, names),
        {(each.account_id, each.result.fingerprint): each for each in findings},
        accounts,
    )


def _resolved(connection: sa.Connection, holder: Holder) -> Holder:
    """Return the holder; if its entity is unknown, the only one that this host has had."""
    if holder.entity:
        return holder
    known = (
        connection.execute(sa.select(ACCOUNTS.c.entity).where(ACCOUNTS.c.host == holder.host).distinct())
        .scalars()
        .all()
    )
    return holder._replace(entity=known[0]) if len(known) == 1 else holder


def _findings(connection: sa.Connection, accounts: Iterable[int], teams: Mapping[int, Team]) -> list[Known]:
    rows = connection.execute(sa.select(FINDINGS).where(FINDINGS.c.account_id.in_(list(accounts))))
    return [known(row, teams.get(row.account_id)) for row in rows.mappings()]


def known(row: Any, team: Team) -> Known:
    """Return a finding of a row of its table."""
    resolved = None if row["resolved"] is None else Became(row["resolved"])
    return Known(
        id=row["id"],
        account_id=row["account_id"],
        result=Result(
            rule_id=row["rule"],
            severity=Severity(row["severity"]),
            status=Status.FAIL,
            resource=ResourceName(row["type"], row["resource"], row["name"], team, row["project"]),
            message=row["message"],
            evidence=msgspec.json.decode(row["evidence"]),
            waiver=None if row["waiver"] is None else typed.decode(row["waiver"], Waiver),
            fingerprint=row["fingerprint"],
            became=UNSET if resolved is None else resolved,
            first_seen=row["first_seen"],
            open_since=row["open_since"],
            last_seen=row["last_seen"],
        ),
        first_seen=row["first_seen"],
        open_since=row["open_since"],
        last_seen=row["last_seen"],
        open_seq=row["open_seq"],
        last_seq=row["last_seq"],
        unsettled=None if row["unsettled"] is None else Became(row["unsettled"]),
        resolved=resolved,
        resolved_seq=row["resolved_seq"],
    )


def _baseline(connection: sa.Connection, seq: int, findings: Sequence[Known], teams: Mapping[int, Team]) -> Baseline:
    """Return a run as a baseline: what it found or could not evaluate, and what was open that it did not see."""
    row = connection.execute(
        sa.select(RUNS.c.run, BLOBS.c.text).join(BLOBS, BLOBS.c.digest == RUNS.c.rules).where(RUNS.c.seq == seq)
    ).one()
    replace = msgspec.structs.replace
    found, pending, resolved = [], [], []
    for each in findings:
        if each.resolved is not None:
            if each.resolved_seq == seq:
                resolved.append(each.result)
        elif each.last_seq == seq:
            found.append(replace(each.result, state=each.state_after(seq)))
        else:
            pending.append(replace(each.result, became=Became.UNSEEN))
    return Baseline(
        schema_version="1.0",
        run=typed.decode(row.run, Run),
        rules=typed.decode(row.text, list[BaselineRule]),
        results=[*found, *_inconclusive(connection, seq, teams)],
        resolved=resolved,
        unsettled=pending,
    )


def _inconclusive(connection: sa.Connection, seq: int, teams: Mapping[int, Team]) -> Iterator[Result]:
    """Yield the inconclusive verdicts of the last run, without what was said of them."""
    rows = connection.execute(sa.select(INCONCLUSIVE).where(INCONCLUSIVE.c.run_seq == seq))
    for row in rows.mappings():
        yield Result(
            rule_id=row["rule"],
            severity=Severity(row["severity"]),
            status=Status(row["status"]),
            resource=ResourceName(row["type"], row["resource"], None, teams.get(row["account_id"]), row["project"]),
            message="",
            evidence={},
            waiver=None,
            fingerprint=row["fingerprint"],
        )
