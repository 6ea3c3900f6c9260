"""What could not be judged, by cause: one line for what many verdicts share."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import UNSET

from northflank_audit.model import ACCOUNT_TYPE, Account, Result, Status
from northflank_audit.report import RuleSummary


class Cause(NamedTuple):
    """Verdicts of one rule that are unknown, or errors, for the same reason."""

    rule: RuleSummary
    status: Status
    reason: str
    results: list[Result]

    @property
    def total(self) -> int:
        """How many verdicts the rule gave, of all kinds."""
        return sum(self.rule.counts.values())

    @property
    def broken(self) -> bool:
        """Whether the rule itself failed on everything that it was to judge."""
        return self.status is Status.ERROR and self.rule.counts.get(Status.ERROR, 0) == self.total

    @property
    def where(self) -> str:
        """`all 61 credentials`, `3 of 61 credentials`, or what a single verdict is about."""
        count, noun = len(self.results), "account" if self.rule.resource == ACCOUNT_TYPE else "credential"
        if count == 1:
            return _name(self.results[0])
        return f"all {count} {noun}s" if count == self.total else f"{count} of {self.total} {noun}s"

    @property
    def clause(self) -> str:
        """What happened, without the rule: `failed on all 61 credentials: no such overload`."""
        verb = "failed on" if self.status is Status.ERROR else "is unknown for"
        return f"{verb} {self.where}: {self.reason}"

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"rule {self.rule.id} {self.clause}"


def causes(results: Iterable[Result], rules: Iterable[RuleSummary]) -> list[Cause]:
    """Return why verdicts could not be given, in the order of the results."""
    by_id: Mapping[str, RuleSummary] = {rule.id: rule for rule in rules}
    grouped: dict[tuple[str, Status, str], Cause] = {}
    for each in results:
        if each.status in (Status.UNKNOWN, Status.ERROR):
            reason = each.message if each.reason is UNSET else each.reason
            cause = Cause(by_id[each.rule_id], each.status, reason, [])
            grouped.setdefault((each.rule_id, each.status, reason), cause).results.append(each)
    return list(grouped.values())


def _name(result: Result) -> str:
    resource = result.resource
    if resource.type == ACCOUNT_TYPE:
        return str(Account(team=resource.team))
    return "/".join(filter(None, (resource.team, resource.project, resource.id or "all")))
