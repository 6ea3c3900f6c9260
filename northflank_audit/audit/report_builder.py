"""Builds the report: coverage, warnings, and why the audit is incomplete."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.audit.absent_fields import AbsentFields
from northflank_audit.audit.comparison import BaselineComparison, RunComparison
from northflank_audit.audit.compliance import limited_to
from northflank_audit.audit.evaluation import EvaluatedBatch
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.timed_engine import TimedEngine
from northflank_audit.audit.tool import TOOL
from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.errors import did_you_mean
from northflank_audit.formats.text import listed, narrowed, plural, type_names
from northflank_audit.model import ACCOUNT_TYPE, Rule
from northflank_audit.policy.remarks.remark_book import AnnotationBook, WaiverBook
from northflank_audit.report import Coverage, Report, Run, Subject, TypeCoverage
from northflank_audit.resources import TYPES
from northflank_audit.sources.interface import Source

ENDING: Final = 14
"""Days before its last day from which every report warns of a waiver."""
MOST_ENDING: Final = 3
"""Waivers with the same last day that a warning names."""


class ReportBuilder:
    """Takes evaluated batches, and builds the report of them."""

    def __init__(self, request: AuditRequest, engine: TimedEngine, started: dt.datetime) -> None:
        policy = request.policy
        self._request, self._engine, self._started = request, engine, started
        today = started.date()
        self._waivers = WaiverBook(policy.waivers, today)
        annotations = None
        if policy.annotations is not None:
            annotations = AnnotationBook([annotation for _, annotation in policy.annotations], today)
        comparison: RunComparison | None = request.history
        comparison = comparison or (None if policy.baseline is None else BaselineComparison(policy.baseline))
        self._totals = VerdictTotals(engine, self._waivers, request.include, comparison, annotations)
        self._read: Counter[str] = Counter()
        self._absent = AbsentFields(engine.rules)
        self._projects: set[str] = set()
        self._resource_count = self._account_count = 0

    def add(self, batch: EvaluatedBatch) -> None:
        """Add a batch of resources with their verdicts."""
        self._totals.add(batch.verdicts)
        self._read.update(each.type for each in batch.resources if self._engine.covers(each))
        self._projects.update(each.project for each in batch.resources if each.project is not None)
        self._absent.add(batch.resources)
        self._resource_count += batch.resource_count
        self._account_count += batch.account_count

    def report(self, source: Source, run_id: str, subjects: Sequence[Subject], lost: Sequence[str]) -> Report:
        """Return the report, after all batches were added. `lost` says why the snapshot could not be saved."""
        request, policy = self._request, self._request.policy
        # Other reasons for an incomplete audit do not affect the evidence: a control without an unknown verdict, or
        # whose report could not be written, is still met.
        unseen = [*source.problems, *self._engine.problems(), *self._unknown_projects(source)]
        # A rule that fails on everything is broken, which --on-unknown ignore does not excuse.
        inconclusive = self._totals.inconclusive(broken=request.gate.on_unknown == "ignore")
        lost = [*lost, *self._totals.lost]
        problems = [*unseen, *lost, *inconclusive]
        coverage = self._coverage(source)
        run = Run(
            id=run_id,
            started_at=self._started,
            finished_at=dt.datetime.now(dt.UTC),
            source=replace(source.origin, projects=list(request.projects) or UNSET),
            complete=not problems,
            incomplete_reasons=problems,
            undelivered=list(lost),
        )
        report = self._totals.report(
            TOOL,
            run,
            coverage,
            [
                *policy.warnings,
                *self._ending(),
                *source.warnings,
                *self._warnings(source, coverage, subjects, seen=not unseen),
            ],
            replace(request.gate, at=self._started if request.gate.new_for or request.gate.max_age else UNSET),
            seen=not unseen,
            excluded_rules=policy.excluded_rules,
            not_configured=policy.not_configured,
            accounts=source.accounts.keys(),
            unread={(team, kind) for team, account in source.accounts.items() for kind in account.unknown},
            subjects=list(subjects) or UNSET,
        )
        return report if request.framework is None else limited_to(report, request.framework)

    def _unknown_projects(self, source: Source) -> Iterator[str]:
        """Yield a problem for each project that was named and that no account has."""
        known = self._projects.union(*(account.projects for account in source.accounts.values()))
        for name in self._request.projects:
            if name not in known:
                yield f"no project '{name}'{did_you_mean(name, known)}: nothing of it was audited"

    def _ending(self) -> Iterator[str]:
        """Yield a warning for waivers that end soon, whose violations will then count again."""
        for day, waivers in self._waivers.ending(ENDING).items():
            left = (day - self._started.date()).days
            when = f"in {plural(left, 'day')}, on {day}" if left else f"today, {day}"
            named = [
                f"{each.rule} for {each.resource}{narrowed(each)} ({each.owner})" for each in waivers[:MOST_ENDING]
            ]
            if len(waivers) == 1:
                yield f"a waiver ends {when}: {named[0]}"
            else:
                more = len(waivers) - len(named)
                yield f"{len(waivers)} waivers end {when}: {listed([*named, *([f'{more} more'] if more else [])])}"

    def _coverage(self, source: Source) -> Coverage:
        coverage, late = source.coverage(), self._engine.problems_by_type()
        return replace(
            coverage,
            resources=self._resource_count,
            accounts=self._account_count if self._engine.about_accounts else UNSET,
            types=[
                self._completed(each, late.get(each.type))
                for each in by_type(coverage.types, self._read, self._engine.rules, complete=not source.problems)
            ],
        )

    def _completed(self, coverage: TypeCoverage, late: str | None) -> TypeCoverage:
        """Add what the source does not know: what was not evaluated in time, and the fields that no record had."""
        silent = self._absent.of(coverage.type)
        if late is None:
            return replace(coverage, silent=silent)
        return replace(coverage, silent=silent, complete=False, missing=[*coverage.missing, late])

    def _warnings(
        self, source: Source, coverage: Coverage, subjects: Sequence[Subject], *, seen: bool
    ) -> Iterator[str]:
        """Yield warnings: old data, nothing to evaluate, an attestation of a snapshot that was not saved."""
        days = 0 if source.as_of is None else (self._started - source.as_of).days
        if days:
            yield f"the snapshot is {plural(days, 'day')} old, and was evaluated as of its date"
        if not coverage.resources and seen:
            checked = "only the account itself was checked" if coverage.accounts else "nothing was checked"
            kinds = dict.fromkeys(rule.resource for rule in self._engine.rules if rule.resource != ACCOUNT_TYPE)
            about = " and no ".join(type_names(kind).plural for kind in kinds)
            yield f"there are no {about or 'resources'}: {checked}"
        if not all(each.saved for each in subjects):
            for name in self._request.digested:
                yield f"the {name} refers to a snapshot that was not saved: add --save-snapshot FILE"


def by_type(
    read: Iterable[TypeCoverage], counted: Mapping[str, int], rules: Iterable[Rule], *, complete: bool
) -> list[TypeCoverage]:
    """Return the coverage of each type that rules are about or that was read, in the catalogue's order.

    `read` is the source's own coverage, `counted` how many resources of each type were read. `complete` applies to
    types that the source does not mention.
    """
    totals = {each.type: each for each in read}
    names = {*totals, *counted, *(rule.resource for rule in rules)} - {ACCOUNT_TYPE}
    order = {name: index for index, name in enumerate(TYPES)}
    return [
        replace(totals.get(name) or TypeCoverage(type=name, complete=complete), resources=counted.get(name, 0))
        for name in sorted(names, key=lambda name: (order.get(name, len(order)), name))
    ]
