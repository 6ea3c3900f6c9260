"""Collects the evidence of a period from the history."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import msgspec
import sqlalchemy as sa

from northflank_audit import typed
from northflank_audit.controls import Control, Framework
from northflank_audit.history.evidence import (
    DAILY,
    LIMITS,
    ControlPeriod,
    Evidence,
    FindingEvidence,
    Gap,
    RuleEvidence,
    RunEvidence,
    WaiverEvidence,
)
from northflank_audit.history.finding_writer import Kind
from northflank_audit.history.lives import Life, lives
from northflank_audit.history.runs import AccountRow, RunRow, account_ids, runs
from northflank_audit.history.schema import BLOBS, RUNS
from northflank_audit.history.statistics import LATE
from northflank_audit.model import Severity
from northflank_audit.remarks import Waiver
from northflank_audit.report import Coverage, RuleSummary, Subject


def evidence(
    connection: sa.Connection,
    begin: dt.date,
    end: dt.date,
    *,
    now: dt.datetime,
    version: str,
    patterns: Sequence[str] = (),
    framework: str | None = None,
    every: dt.timedelta = DAILY,
) -> Evidence:
    """Collect what the history has of a period, both days included, UTC."""
    accounts = account_ids(connection, patterns)
    first = dt.datetime.combine(begin, dt.time(), dt.UTC)
    after = dt.datetime.combine(end, dt.time(), dt.UTC) + dt.timedelta(days=1)
    blobs = _Blobs(connection)
    within = [run for run in runs(connection, patterns) if first <= run.started_at < after]
    details = {row["seq"]: row for row in blobs.rows([run.seq for run in within])}
    chosen = [run for run in within if run.seq in details]
    found = lives(connection, accounts)
    return Evidence(
        begin=begin,
        end=end,
        made_at=now,
        version=version,
        accounts=list(accounts.values()),
        runs=[_run(run, details[run.seq], blobs) for run in chosen],
        gaps=list(_gaps(accounts.values(), chosen, first, min(after, now), every)),
        controls=_controls(chosen, details, blobs, framework),
        findings=_findings(found, chosen, first, after),
        waivers=_waivers(found, first, after),
        rules=_rules(chosen, details, blobs),
        limits=list(LIMITS),
        every=every.total_seconds(),
    )


class _Blobs:
    """Reads values that runs share, each once."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._read: dict[str, Any] = {}

    def rows(self, seqs: Sequence[int]) -> Sequence[Any]:
        """Return the values that runs refer to, by the runs' numbers."""
        if not seqs:
            return []
        columns = (RUNS.c.seq, RUNS.c.subjects, RUNS.c.rules, RUNS.c.compliance, RUNS.c.coverage)
        query = sa.select(*columns).where(RUNS.c.seq.between(min(seqs), max(seqs)))
        return self._connection.execute(query).mappings().all()

    def value(self, digest: str, kind: Any) -> Any:
        """Return a value by its digest."""
        if digest not in self._read:
            text = self._connection.execute(sa.select(BLOBS.c.text).where(BLOBS.c.digest == digest)).scalar_one()
            self._read[digest] = typed.decode(text, kind)
        return self._read[digest]


def _run(run: RunRow, details: Mapping[str, Any], blobs: _Blobs) -> RunEvidence:
    coverage: Coverage = blobs.value(details["coverage"], Coverage)
    return RunEvidence(
        run=run,
        subjects=typed.decode(details["subjects"], list[Subject]),
        rules=details["rules"],
        not_in_scope=[each.type for each in coverage.types if not each.in_scope],
    )


def _gaps(
    accounts: Iterable[AccountRow],
    chosen: Sequence[RunRow],
    begin: dt.datetime,
    end: dt.datetime,
    every: dt.timedelta,
) -> Iterator[Gap]:
    """Yield gaps without a complete run that are longer than 1.25 periods."""
    for account in accounts:
        own = [run for run in chosen if any(each.account == account for each in run.accounts)]
        times = [begin, *sorted(run.started_at for run in own if run.complete), max(begin, end)]
        for before, after in pairwise(times):
            if after - before <= every * LATE:
                continue
            incomplete = sum(not run.complete and before <= run.started_at <= after for run in own)
            why = f"{incomplete} incomplete" if incomplete else "no run"
            yield Gap(account=account, begin=before, end=after, why=why)


def _controls(
    chosen: Sequence[RunRow], details: Mapping[int, Any], blobs: _Blobs, framework: str | None
) -> list[ControlPeriod]:
    seen: dict[tuple[str, str, str], list[tuple[RunRow, Control, str]]] = {}
    last: dict[str, int] = {}
    for run in chosen:
        accounts = ", ".join(each.account.label for each in run.accounts)
        last[accounts] = run.seq
        for each in blobs.value(details[run.seq]["compliance"], list[Framework]):
            for control in each.controls:
                if framework in (None, each.id):
                    key = (accounts, each.id, control.id)
                    seen.setdefault(key, []).append((run, control, each.title))
    found = []
    for (accounts, name, control), verdicts in seen.items():
        for verdict, group in groupby(verdicts, key=lambda each: each[1].verdict):
            some = list(group)
            found.append(
                ControlPeriod(
                    account=accounts,
                    framework=name,
                    title=some[0][2],
                    control=control,
                    verdict=verdict,
                    rules=some[-1][1].rules,
                    begin=some[0][0].started_at,
                    end=some[-1][0].started_at,
                    runs=len(some),
                    last=some[-1][0].seq == last[accounts],
                )
            )
    return found


def _findings(
    found: Sequence[Life], chosen: Sequence[RunRow], begin: dt.datetime, after: dt.datetime
) -> list[FindingEvidence]:
    number = max((run.seq for run in chosen), default=0)
    rows = []
    for life in found:
        for opened, ended in life.periods():
            over = None if ended is None or ended.at >= after else ended
            if opened.at >= after or (over is not None and over.at < begin):
                continue
            at = over.number - 1 if over is not None else number
            rows.append(
                FindingEvidence(
                    life=life,
                    found=opened.at,
                    resolved=None if over is None else over.at,
                    became=None if over is None else over.kind,
                    waived=life.waived_at(at) is not None,
                )
            )
    return sorted(rows, key=lambda each: (-_rank(each.life), each.found, each.life.finding.fingerprint))


def _rank(life: Life) -> int:
    return Severity(life.finding.severity).rank


def _waivers(found: Sequence[Life], begin: dt.datetime, after: dt.datetime) -> list[WaiverEvidence]:
    spans: dict[str, list[tuple[dt.datetime, dt.datetime, str, Waiver]]] = {}
    for life in found:
        for start, end, waiver in _waived(life, after):
            if start < after and end >= begin:
                key = msgspec.json.encode(waiver, order="deterministic").decode()
                clipped = (max(start, begin), min(end, after), life.finding.fingerprint, waiver)
                spans.setdefault(key, []).append(clipped)
    return [
        WaiverEvidence(
            waiver=some[0][3],
            first=min(each[0] for each in some),
            last=max(each[1] for each in some),
            findings=len({each[2] for each in some}),
        )
        for _, some in sorted(spans.items())
    ]


def _waived(life: Life, after: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime, Waiver]]:
    """Yield the times in which a finding was waived, each with its waiver."""
    begun: tuple[dt.datetime, Waiver] | None = None
    ends = (Kind.WAIVED, Kind.UNWAIVED, Kind.REOPENED, "fixed", "notapplicable", "gone")
    for change in life.changes:
        if begun is not None and change.kind in ends:
            yield (begun[0], change.at, begun[1])
            begun = None
        if change.kind == Kind.WAIVED and change.waiver is not None:
            begun = (change.at, change.waiver)
    if begun is not None:
        yield (begun[0], after, begun[1])


def _rules(chosen: Sequence[RunRow], details: Mapping[int, Any], blobs: _Blobs) -> list[RuleEvidence]:
    spans: dict[str, RuleEvidence] = {}
    for run in chosen:
        for rule in blobs.value(details[run.seq]["rules"], list[RuleSummary]):
            key = msgspec.json.encode(
                [rule.id, rule.sha256, rule.params, rule.severity], order="deterministic"
            ).decode()
            before = spans.get(key)
            begin = run.started_at if before is None else before.begin
            spans[key] = RuleEvidence(rule=rule, begin=begin, end=run.started_at)
    return [spans[key] for key in sorted(spans)]
