"""Groups inconclusive verdicts by their cause."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import UNSET

from northflank_audit.formats.text import label, many, plural, type_names
from northflank_audit.model import Result, Status
from northflank_audit.report import RuleSummary


class Cause(NamedTuple):
    """Verdicts of one rule that are unknown, or errors, for the same reason."""

    rule: RuleSummary
    status: Status
    reason: str
    results: list[Result]

    @property
    def total(self) -> int:
        """The number of all verdicts of the rule."""
        return sum(self.rule.counts.values())

    @property
    def broken(self) -> bool:
        """Whether the rule itself failed on every resource."""
        return self.status is Status.ERROR and self.rule.counts.get(Status.ERROR, 0) == self.total

    @property
    def where(self) -> str:
        """`all 61 addons`, `3 of 61 addons`, or what a single verdict is about."""
        count, kind = len(self.results), self.rule.resource
        if count == 1:
            return label(self.results[0].resource)
        if all(each.resource.id is None for each in self.results):
            return f"{plural(count, 'list')} of {type_names(kind).plural}"
        return f"all {many(count, kind)}" if count == self.total else f"{count} of {many(self.total, kind)}"

    @property
    def clause(self) -> str:
        """What happened, without the rule: `failed on all 61 addons: no such overload`."""
        verb = "failed on" if self.status is Status.ERROR else "is unknown for"
        return f"{verb} {self.where}: {self.reason}"

    @property
    def text(self) -> str:
        """The rule and its cause in one line."""
        return f"rule {self.rule.id} {self.clause}"


def causes(results: Iterable[Result], rules: Iterable[RuleSummary]) -> list[Cause]:
    """Return the causes of inconclusive verdicts, in the order of the results."""
    by_id: Mapping[str, RuleSummary] = {rule.id: rule for rule in rules}
    grouped: dict[tuple[str, Status, str], Cause] = {}
    for each in results:
        if each.inconclusive:
            reason = each.message if each.reason is UNSET else each.reason
            cause = Cause(by_id[each.rule_id], each.status, reason, [])
            grouped.setdefault((each.rule_id, each.status, reason), cause).results.append(each)
    return list(grouped.values())


def by_reason(every: Iterable[Cause]) -> list[list[Cause]]:
    """Group causes of different rules that have the same reason, in the order of the first of each."""
    groups: dict[tuple[Status, str], list[Cause]] = {}
    for cause in every:
        groups.setdefault((cause.status, cause.reason), []).append(cause)
    return list(groups.values())
