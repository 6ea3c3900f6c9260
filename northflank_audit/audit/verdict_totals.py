"""From verdicts to a report: what is counted, what is listed, and the exit code."""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.audit.comparison import BaselineComparison, Current
from northflank_audit.audit.compliance import frameworks
from northflank_audit.audit.not_visible import facts
from northflank_audit.earlier_report import Baseline
from northflank_audit.model import Result, Rule, Severity, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.reasons import NOT_GIVEN
from northflank_audit.policy.verdict import Verdict
from northflank_audit.policy.waivers.waiver_book import WaiverBook
from northflank_audit.report import (
    Coverage,
    Gate,
    NotConfigured,
    Report,
    RuleSummary,
    Run,
    Subject,
    Summary,
    Tool,
    Waivers,
)
from northflank_audit.unjudged import Cause, causes

LISTED = frozenset({Status.FAIL, Status.UNKNOWN, Status.ERROR})
"""What the report always lists; the rest is counted."""

ABSENT = "--absent says what an absent field means"
"""How to decide what is unknown since the API leaves out a documented field."""

MOST_CAUSES = 20
"""Causes of unknown verdicts that are reasons of their own; the rest is counted."""


class VerdictTotals:
    """Takes every verdict; keeps only those that someone must read."""

    def __init__(
        self,
        engine: Engine,
        waivers: WaiverBook,
        include: Container[Status] = (),
        earlier: Baseline | None = None,
    ) -> None:
        """`include` is listed besides `LISTED`; `earlier` is a report to compare with."""
        self._engine = engine
        self._waivers = waivers
        self._include = include
        self._counts: dict[str, Counter[str]] = {rule.id: Counter() for rule in engine.rules}
        self._results: list[Result] = []
        self._follower = None if earlier is None else BaselineComparison(earlier)

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count these, and list what is to be listed."""
        for verdict in verdicts:
            rule, resource, status = verdict.rule, verdict.resource, verdict.status
            if self._follower is not None:
                self._follower.saw(rule.id, resource, status)
            if status is not Status.FAIL:
                self._counts[rule.id][status] += 1
                if status in LISTED or status in self._include:
                    self._results.append(self._engine.result(verdict))
                continue
            waiver = self._waivers.find(rule.id, resource.identity)
            self._counts[rule.id]["waived" if waiver else status] += 1
            self._results.append(self._engine.result(verdict, waiver))

    def unjudged(self, *, broken: bool = False) -> list[str]:
        """Return what could not be judged, a line for each cause; with `broken`, by rules that always fail alone."""
        results = sorted((each for each in self._results if each.unjudged), key=lambda result: result.order)
        rules = [self._summary(index) for index in range(len(self._engine.rules))]
        found = [cause for cause in causes(results, rules) if cause.broken or not broken]
        left = sum(len(cause.results) for cause in found[MOST_CAUSES:])
        more = [f"{left} more verdicts are unknown or errors"] if left else []
        return [*map(_explained, found[:MOST_CAUSES]), *more]

    def report(
        self,
        tool: Tool,
        run: Run,
        coverage: Coverage,
        warnings: list[str],
        fail_on: Severity | None,
        *,
        on_unknown: Literal["fail", "ignore"] = "fail",
        seen: bool = False,
        left_out: Mapping[str, str] | None = None,
        not_configured: Sequence[Rule] = (),
        accounts: Collection[str | None] = (),
        unread: Collection[tuple[str | None, str]] = (),
        subjects: list[Subject] | UnsetType = UNSET,
    ) -> Report:
        """Add it all up. `fail_on` is the least severity that makes the exit code 1; None: no severity does.

        `seen` says whether every page was read and every record judged; without it no control is met. `accounts` are
        those that were asked for, by their teams, `unread` the lists that are not known as a whole.
        """
        results = sorted(self._results, key=lambda result: result.order)
        rules = [self._summary(index) for index in range(len(self._engine.rules))]
        unset = [_unset(rule) for rule in not_configured]
        found = None
        if self._follower is not None:
            found = self._follower.outcome(Current(run, rules, accounts, seen, unread), results)
            results = found.results
        total: Counter[str] = Counter()
        for counts in self._counts.values():
            total.update(counts)
        failures = [result for result in results if result.violates]
        by_severity = Counter(result.severity for result in failures)
        gate = Gate(fail_on, on_unknown)
        violated = any(gate.fails(result.severity) for result in failures)
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
            left_out=dict(left_out or {}),
            not_configured=unset,
            compliance=frameworks(rules, unset, facts(coverage.types), seen=seen),
            results=results,
            comparison=UNSET if found is None else found.comparison,
            resolved=UNSET if found is None else found.resolved,
            unsettled=UNSET if found is None else found.unsettled,
            subjects=subjects,
            waivers=Waivers(self._waivers.expired, self._waivers.unused),
            warnings=warnings,
            exit_code=(1 if violated else 0) if run.complete else 3,
            gate=gate,
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
            sha256=rule.sha256,
            tuned=rule.tuned,
        )


def _unset(rule: Rule) -> NotConfigured:
    return NotConfigured(
        id=rule.id,
        title=rule.title,
        severity=rule.severity,
        resource=rule.resource,
        controls=rule.controls,
        requires=rule.unset,
    )


def _explained(cause: Cause) -> str:
    """Return a cause in a line, with what can be done about it."""
    return f"{cause.text}; {ABSENT}" if cause.reason.endswith(f"({NOT_GIVEN})") else cause.text
