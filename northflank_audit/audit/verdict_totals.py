"""Counts and lists verdicts, and builds the report from them."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.audit.comparison import CurrentRun, RunComparison
from northflank_audit.audit.compliance import frameworks
from northflank_audit.audit.not_visible import facts
from northflank_audit.audit.result_store import ResultStore
from northflank_audit.gate import Gate
from northflank_audit.inconclusive import Cause, causes
from northflank_audit.model import Result, Rule, Severity, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.reasons import NOT_GIVEN
from northflank_audit.policy.remarks.remark_book import AnnotationBook, WaiverBook
from northflank_audit.policy.verdict import Verdict
from northflank_audit.remarks import Annotations
from northflank_audit.report import (
    Coverage,
    NotConfigured,
    Report,
    RuleSummary,
    Run,
    Subject,
    Summary,
    Tool,
    Waivers,
)

LISTED = frozenset({Status.FAIL, Status.UNKNOWN, Status.ERROR})
"""The statuses that a report always lists. Others are only counted."""

ABSENT = "--absent says what an absent field means"
"""What to do about verdicts that are unknown because the API omits a documented field."""

MOST_CAUSES = 20
"""The most causes of unknown verdicts that are listed as reasons. Further ones are counted."""


class VerdictTotals:
    """Counts every verdict, and keeps only those that the report lists."""

    def __init__(
        self,
        engine: Engine,
        waivers: WaiverBook,
        include: Container[Status] = (),
        comparison: RunComparison | None = None,
        annotations: AnnotationBook | None = None,
    ) -> None:
        """`include` is listed in addition to `LISTED`; `comparison` is with an earlier report or the history."""
        self._engine = engine
        self._waivers = waivers
        self._annotations = annotations
        self._include = include
        self._counts: dict[str, Counter[str]] = {rule.id: Counter() for rule in engine.rules}
        self._results: list[Result] = []
        self._included = ResultStore()
        self._comparison = comparison

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count verdicts, and list those whose status is listed."""
        for verdict in verdicts:
            rule, resource, status = verdict.rule, verdict.resource, verdict.status
            if self._comparison is not None:
                self._comparison.add(rule.id, resource, status)
            if status is not Status.FAIL:
                self._counts[rule.id][status] += 1
                if status in LISTED:
                    self._list(self._engine.result(verdict))
                elif status in self._include:
                    self._included.add(self._engine.result(verdict))
                continue
            waiver = self._waivers.find(rule.id, resource.identity)
            self._counts[rule.id]["waived" if waiver else status] += 1
            self._list(self._engine.result(verdict, waiver))

    def _list(self, result: Result) -> None:
        self._results.append(result if self._annotations is None else self._annotations.annotated(result))

    @property
    def lost(self) -> list[str]:
        """Why results that should be listed are not."""
        return [self._included.problem] if self._included.problem else []

    def inconclusive(self, *, broken: bool = False) -> list[str]:
        """Return a line for each cause of inconclusive verdicts; with `broken`, only for rules that always fail."""
        results = sorted((each for each in self._results if each.inconclusive), key=lambda result: result.order)
        if not results:
            return []
        rules = [self._summary(index) for index in range(len(self._engine.rules))]
        groups = [cause for cause in causes(results, rules) if cause.broken or not broken]
        rest = sum(len(cause.results) for cause in groups[MOST_CAUSES:])
        more = [f"{rest} more verdicts are unknown or errors"] if rest else []
        return [*map(_explained, groups[:MOST_CAUSES]), *more]

    def report(
        self,
        tool: Tool,
        run: Run,
        coverage: Coverage,
        warnings: list[str],
        gate: Gate,
        *,
        seen: bool = False,
        excluded_rules: Mapping[str, str] | None = None,
        not_configured: Sequence[Rule] = (),
        accounts: Collection[str | None] = (),
        unread: Collection[tuple[str | None, str]] = (),
        subjects: list[Subject] | UnsetType = UNSET,
    ) -> Report:
        """Return the report.

        `seen` says whether every page was read and every record evaluated; otherwise no control is met. `accounts`
        are the teams of the requested accounts, `unread` the lists that were not read completely.
        """
        results = sorted(self._results, key=lambda result: result.order)
        rules = [self._summary(index) for index in range(len(self._engine.rules))]
        unset = [_unset(rule) for rule in not_configured]
        outcome = None
        if self._comparison is not None:
            outcome = self._comparison.outcome(CurrentRun(run, rules, accounts, seen, unread), results)
            results = outcome.results
        total: Counter[str] = Counter()
        for counts in self._counts.values():
            total.update(counts)
        failures = [result for result in results if result.violates]
        by_severity = Counter(result.severity for result in failures)
        return Report(
            tool=tool,
            run=run,
            coverage=replace(
                coverage, results=total.total(), not_visible=[fact.text for fact in facts(coverage.types)]
            ),
            summary=Summary(
                passed=total[Status.PASS],
                fail=total[Status.FAIL],
                unknown=total[Status.UNKNOWN],
                error=total[Status.ERROR],
                notapplicable=total[Status.NOTAPPLICABLE],
                waived=total["waived"],
                fail_by_severity={severity.value: by_severity[severity] for severity in Severity},
            ),
            rules=rules,
            excluded_rules=dict(excluded_rules or {}),
            not_configured=unset,
            compliance=frameworks(rules, unset, facts(coverage.types), seen=seen),
            results=self._included.merged(results),
            comparison=UNSET if outcome is None else outcome.comparison,
            resolved=UNSET
            if outcome is None or outcome.comparison is UNSET
            else _without_annotations(outcome.resolved),
            unsettled=UNSET
            if outcome is None or outcome.comparison is UNSET
            else _without_annotations(outcome.unsettled),
            subjects=subjects,
            waivers=Waivers(self._waivers.expired, self._waivers.unused),
            annotations=UNSET if self._annotations is None else _annotations(results, self._annotations),
            warnings=warnings,
            exit_code=int(any(map(gate.counts, failures))) if run.complete else 3,
            gate=gate.over(failures),
        )

    def _summary(self, index: int) -> RuleSummary:
        rule = self._engine.rules[index]
        counts = self._counts[rule.id]
        return RuleSummary(
            id=rule.id,
            title=rule.title,
            severity=rule.severity,
            rationale=rule.rationale,
            remediation=rule.remediation,
            references=rule.references,
            controls=rule.controls,
            params=rule.params,
            origin=rule.origin,
            counts={key: counts[key] for key in (*Status, "waived")},
            resource=rule.resource,
            finding=rule.finding,
            param_schemas=rule.param_schemas,
            sha256=rule.sha256,
            overridden=rule.overridden,
        )


def _unset(rule: Rule) -> NotConfigured:
    return NotConfigured(
        id=rule.id,
        title=rule.title,
        severity=rule.severity,
        resource=rule.resource,
        controls=rule.controls,
        requires=rule.unset,
        param_schemas={name: schema for name, schema in rule.param_schemas.items() if name in rule.unset},
    )


def _without_annotations(earlier: Iterable[Result]) -> list[Result]:
    """Return violations of an earlier report without what was said of them then, such as that they were overdue."""
    return [replace(each, annotation=UNSET, overdue=UNSET) for each in earlier]


def _annotations(results: Sequence[Result], book: AnnotationBook) -> Annotations:
    return Annotations(
        overdue=sum(each.overdue is True for each in results),
        incorrect=sum(each.is_called_incorrect for each in results),
        unused=book.unused,
    )


def _explained(cause: Cause) -> str:
    """Return a cause on one line, with what to do about it."""
    return f"{cause.text}; {ABSENT}" if cause.reason.endswith(f"({NOT_GIVEN})") else cause.text
