"""Decides which results count for the exit code, and why."""

from msgspec import UNSET

from northflank_audit.model import Result, Status
from northflank_audit.report import Report


class GateVerdicts:
    """Applies a report's gate (`--fail-on`, `--fail-on-new`, `--on-unknown`) to its results."""

    def __init__(self, report: Report) -> None:
        self._gate = report.gate
        # A rule that fails on every resource is broken, which `--on-unknown ignore` does not excuse.
        counts = {rule.id: rule.counts for rule in report.rules}
        self._broken = {name for name, each in counts.items() if 0 < each.get("error", 0) == sum(each.values())}

    def counts(self, result: Result) -> bool:
        """Return whether a result makes the exit code other than 0."""
        if result.became is not UNSET:
            return False
        return (result.violates or result.inconclusive) and self.exemption(result) is None

    def exemption(self, result: Result) -> str | None:
        """Return why a violation or an inconclusive verdict does not count; None if it does."""
        gate = self._gate
        if result.waiver is not None:
            return f"waived until {result.waiver.expires} by {result.waiver.owner} ({result.waiver.reason})"
        if result.status is Status.FAIL and not gate.fails(result.severity):
            lowest = gate.fail_on or "never"
            return f"{result.severity} is below the severity that fails this audit (--fail-on {lowest})"
        if gate.exempts(result):
            return "it is ongoing, and only new violations fail this audit (--fail-on-new)"
        if result.inconclusive and gate.on_unknown == "ignore" and result.rule_id not in self._broken:
            return "what could not be evaluated does not fail this audit (--on-unknown ignore)"
        return None
