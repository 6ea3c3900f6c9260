"""Which findings a short list shows: the worst, and no rule drowns the others."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from northflank_audit.formats.text import new_first
from northflank_audit.formats.view import grouped
from northflank_audit.model import Result
from northflank_audit.report import Report, RuleSummary

EACH: Final = 3
"""Findings of a rule that are listed before those of the next; more of them only where there is room left."""


class RuleExcerpt(NamedTuple):
    """A violated rule, its findings that are listed, and those that are not."""

    rule: RuleSummary
    first: list[Result]
    rest: list[Result]


def worst(report: Report, most: int) -> list[RuleExcerpt]:
    """Return every violated rule, the worst first, with the share that it has of a list of `most` findings.

    What is new, then what is overdue, comes first, as wherever a list is cut.
    """
    groups = grouped(report, new_first(each for each in report.results if each.violates))
    wanted = (
        [min(EACH, sum(each.is_new for each in group.results)) for group in groups],
        [min(EACH, len(group.results)) for group in groups],
        [len(group.results) for group in groups],
    )
    return [
        RuleExcerpt(group.rule, group.results[:share], group.results[share:])
        for group, share in zip(groups, shares(wanted, most), strict=True)
    ]


def shares(wanted: Sequence[Sequence[int]], most: int) -> list[int]:
    """Return how many items of each group a list of `most` has room for.

    Each round of `wanted` says how many every group may have; what one round leaves goes to the next.
    """
    given = [0] * len(wanted[0])
    for counts in wanted:
        for index, count in enumerate(counts):
            given[index] += min(most - sum(given), max(0, count - given[index]))
    return given
