"""Records a run."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.controls import Framework
from northflank_audit.history.finding_writer import FindingWriter, inserted, to_json
from northflank_audit.history.past import Holder, Known, Past, Team, known
from northflank_audit.history.schema import ACCOUNTS, BLOBS, FINDINGS, INCONCLUSIVE, RUN_ACCOUNTS, RUNS
from northflank_audit.model import Result, Severity, Status
from northflank_audit.remarks import Waiver
from northflank_audit.report import Coverage, Report, TypeCoverage

CHUNK: Final = 500
"""Fingerprints in one query, because SQLite limits the number of parameters."""


def record(connection: sa.Connection, report: Report, past: Past, teams: Collection[Team]) -> list[int]:
    """Write a run and what it changed, and return the numbers of its accounts.

    `past` is what it was compared with, `teams` are the accounts it audited.
    Whatever another run has recorded since `past` was read stays as that run says.
    """
    accounts = {team: _account(connection, past.holder, team) for team in _teams(report, teams)}
    seq = _run(connection, report)
    writer = FindingWriter(connection, seq, report.run.started_at, past.seq)
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
    _inconclusive(connection, seq, report, accounts)
    _counts(connection, seq, report, accounts)
    return list(accounts.values())


def amend(connection: sa.Connection, report: Report) -> None:
    """Correct a recorded run after one of its reports could not be delivered."""
    connection.execute(
        sa.update(RUNS)
        .where(RUNS.c.id == report.run.id)
        .values(complete=report.run.complete, exit_code=report.exit_code, run=to_json(report.run))
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
        found = inserted(connection, sa.insert(ACCOUNTS).values(identity), ACCOUNTS.c.id)
    return int(found)


def _run(connection: sa.Connection, report: Report) -> int:
    run = report.run
    return inserted(
        connection,
        sa.insert(RUNS).values(
            id=run.id,
            started_at=run.started_at,
            finished_at=run.finished_at,
            complete=run.complete,
            exit_code=report.exit_code,
            tool=report.tool.version,
            run=to_json(run),
            summary=to_json(report.summary),
            gate=to_json(report.gate),
            subjects=to_json([] if report.subjects is UNSET else report.subjects),
            rules=_blob(connection, [replace(each, counts={}) for each in report.rules]),
            compliance=_blob(connection, [_verdicts(each) for each in report.compliance]),
            coverage=_blob(connection, _coverage(report.coverage)),
            waivers=_blob(connection, _waivers(report)),
        ),
        RUNS.c.seq,
    )


def _verdicts(framework: Framework) -> Framework:
    """Return a framework's verdicts without counts, which differ from day to day."""
    return replace(framework, controls=[replace(each, counts={}) for each in framework.controls])


def _coverage(coverage: Coverage) -> dict[str, Any]:
    """Return a run's coverage without what is the same for every type and in every run."""
    kept: dict[str, Any] = msgspec.to_builtins(replace(coverage, not_visible=[]))
    usual = msgspec.to_builtins(TypeCoverage(type=""))
    types = [{key: value for key, value in each.items() if value != usual[key]} for each in kept["types"]]
    return {**kept, "types": types}


def _waivers(report: Report) -> dict[str, list[Waiver]]:
    """Return the waivers of a run, used and unused."""
    used = {to_json(each.waiver): each.waiver for each in report.results if each.waiver is not None}
    return {
        "used": [used[key] for key in sorted(used)],
        "expired": list(report.waivers.expired),
        "unused": list(report.waivers.unused),
    }


def _blob(connection: sa.Connection, value: Any) -> str:
    """Store a text that many runs share once; return its digest."""
    text = to_json(value)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if connection.execute(sa.select(BLOBS.c.digest).where(BLOBS.c.digest == digest)).scalar() is None:
        connection.execute(sa.insert(BLOBS).values(digest=digest, text=text))
    return digest


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


def _inconclusive(connection: sa.Connection, seq: int, report: Report, accounts: Mapping[Team, int]) -> None:
    """Replace the inconclusive verdicts of the last run over these accounts."""
    connection.execute(sa.delete(INCONCLUSIVE).where(INCONCLUSIVE.c.account_id.in_(list(accounts.values()))))
    rows = [
        {
            "account_id": accounts[each.resource.team],
            "fingerprint": each.fingerprint,
            "run_seq": seq,
            "status": each.status.value,
            "rule": each.rule_id,
            "severity": each.severity.value,
            "type": each.resource.type,
            "project": each.resource.project,
            "resource": each.resource.id,
        }
        for each in report.results
        if each.inconclusive and each.resource.id is not None and each.resource.team in accounts
    ]
    if rows:
        connection.execute(sa.insert(INCONCLUSIVE), rows)


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
