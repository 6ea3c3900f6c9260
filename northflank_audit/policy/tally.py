"""From verdicts to the report: what is counted, what is listed, and what the whole amounts to."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.model import Resource, Result, Severity, Status
from northflank_audit.policy.compliance import frameworks
from northflank_audit.policy.engine import Engine, Verdict
from northflank_audit.policy.waivers import WaiverBook
from northflank_audit.report import Coverage, Report, RuleSummary, Run, Summary, Tool, Waivers

LISTED = frozenset({Status.FAIL, Status.UNKNOWN, Status.ERROR})
"""What the report always lists; the rest is counted."""


class Tally:
    """Takes every verdict; keeps only those that someone must read."""

    def __init__(
        self,
        engine: Engine,
        waivers: WaiverBook,
        include: Container[Status] = (),
        earlier: Sequence[Result] | None = None,
    ) -> None:
        """`include` is listed besides `LISTED`; `earlier` are an earlier report's results, to compare with."""
        self._engine = engine
        self._waivers = waivers
        self._include = include
        self._counts: dict[str, Counter[str]] = {rule.id: Counter() for rule in engine.rules}
        self._results: list[Result] = []
        self._earlier = None if earlier is None else {item.fingerprint: item for item in earlier}
        self._mended: list[Result] = []
        self._failed_before = {
            (item.rule_id, item.resource.team, item.resource.id): item
            for item in earlier or ()
            if item.status is Status.FAIL
        }

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Count these, and list what is to be listed."""
        for verdict in verdicts:
            rule, resource, status = verdict.rule, verdict.resource, verdict.status
            if status is not Status.FAIL:
                self._counts[rule.id][status] += 1
                if self._failed_before:
                    self._follow(rule.id, resource, status)
                if status in LISTED or status in self._include:
                    self._results.append(self._engine.result(verdict))
                continue
            waiver = self._waivers.find(rule.id, resource.team, resource.id)
            self._counts[rule.id]["waived" if waiver else status] += 1
            self._failed_before.pop((rule.id, resource.team, resource.id), None)
            self._results.append(self._engine.result(verdict, waiver))

    def _follow(self, rule_id: str, resource: Resource, status: Status) -> None:
        """Note what became of an earlier violation: what can't be judged today is not resolved."""
        key = (rule_id, resource.team, resource.id)
        before = self._failed_before.get(key)
        if before is not None and status in (Status.UNKNOWN, Status.ERROR):
            del self._failed_before[key]
        elif before is not None:
            self._mended.append(before)

    def unjudged(self) -> int:
        """Return how many verdicts are unknown or errors."""
        return sum(count[Status.UNKNOWN] + count[Status.ERROR] for count in self._counts.values())

    def report(
        self,
        tool: Tool,
        run: Run,
        coverage: Coverage,
        warnings: list[str],
        fail_on: Severity | None,
        *,
        seen: bool = False,
        left_out: Mapping[str, str] | None = None,
    ) -> Report:
        """Add it all up. `fail_on` is the least severity that makes the exit code 1; None: no severity does.

        `seen` says whether every page was read and every record judged; without it no control is met.
        """
        results = sorted(map(self._compared, self._results), key=lambda result: result.order)
        resolved: list[Result] | UnsetType = UNSET
        if self._earlier is not None:
            # In a complete run, what is no longer there is gone; in another, it may just not have been seen.
            gone = [result for result in self._failed_before.values() if result.rule_id in self._counts]
            resolved = sorted(gone if run.complete else self._mended, key=lambda result: result.order)
        total: Counter[str] = Counter()
        for counts in self._counts.values():
            total.update(counts)
        failures = [result for result in results if result.violates]
        by_severity = Counter(result.severity for result in failures)
        violated = fail_on is not None and any(result.severity.rank >= fail_on.rank for result in failures)
        rules = [self._summary(index) for index in range(len(self._engine.rules))]
        return Report(
            tool=tool,
            run=run,
            coverage=replace(coverage, results=total.total()),
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
            compliance=frameworks(rules, seen=seen),
            results=results,
            resolved=resolved,
            waivers=Waivers(self._waivers.expired, self._waivers.unused),
            warnings=warnings,
            exit_code=(1 if violated else 0) if run.complete else 3,
        )

    def _compared(self, result: Result) -> Result:
        if self._earlier is None:
            return result
        before = self._earlier.get(result.fingerprint)
        same = before is not None and before.status is result.status
        return replace(result, state="ongoing" if same else "new")

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
            sha256=rule.sha256,
            tuned=rule.tuned,
        )
