"""Data for the HTML template, limited for browsers.

New results come first. All totals are those of the whole report; omitted results are counted by rule, and are in the
JSON report.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from northflank_audit.formats.policyview import anchors
from northflank_audit.formats.text import BECAME, changes, new_first, plural
from northflank_audit.formats.trend_chart import chart
from northflank_audit.formats.view import view
from northflank_audit.model import Result, Status
from northflank_audit.report import Report, RuleSummary

WORST: Final = 10_000
"""Violations in the page at most. Chromium opens this many within a second, and filters them in a tenth of one."""
REST: Final = 1_000
"""Results in each other list at most."""
FIRST: Final = 5
"""The worst violated rules, named at the top of the page."""
MOST_REASONS: Final = 3
"""Reasons of an incomplete audit at the top of the page; the rest is folded."""
OPEN: Final = 50
"""Results of a list that starts unfolded, at most."""


class OmittedResults(NamedTuple):
    """How many results of a rule are only in the JSON report."""

    title: str
    left: int


class ResultList(NamedTuple):
    """Results that are listed together."""

    results: Sequence[Result]
    total: int
    omitted: list[OmittedResults]
    """What is not shown, by rule."""
    rule: RuleSummary | None = None
    """The rule of all of them, if the list is a rule's."""

    @property
    def unfolded(self) -> bool:
        """Whether it is short enough to start open."""
        return len(self.results) <= OPEN


def page(report: Report) -> dict[str, Any]:
    """Return the template's variables."""
    context = view(report)
    titles, headings = context["rule_titles"], context["rule_headings"]
    violations = new_first(each for each in report.results if each.violates)
    worst: dict[str, list[Result]] = {}
    for each in violations[:WORST]:
        worst.setdefault(each.rule_id, []).append(each)
    groups = [
        _result_list(worst.get(rule.id, []), len(results), {rule.id: len(results)}, headings, rule)
        for rule, results in context["findings"]
    ]
    lists = {name: _first(context[name], titles) for name in ("inconclusive", "others")}
    lists |= {name: _first(context[name], headings) for name in ("waived", "resolved", "unsettled", "incorrect")}
    current = (*groups, lists["inconclusive"], lists["waived"], lists["others"])
    listed = [each for some in current for each in some.results]
    rules = {each.rule_id for each in listed}
    violated = {each.rule_id for each in listed if each.status is Status.FAIL}
    return (
        context
        | lists
        | {
            "groups": groups,
            "beyond": len(violations) - min(len(violations), WORST),
            "became": BECAME,
            "changes": [tuple(each.split(" ", 1)) for each in changes(report)],
            "comparison": None if report.comparison is UNSET else report.comparison,
            "trend_chart": None if report.trend is UNSET else chart(report.trend),
            "listed": len(listed),
            "unlisted": len(report.results) - len(listed),
            "team_numbers": _numbered(each.resource.team for each in listed),
            "project_numbers": _numbered(each.resource.project for each in listed),
            "type_numbers": _numbered(each.resource.type for each in listed),
            "worst": groups[:FIRST],
            "reasons_first": MOST_REASONS,
            "not_seen": list(_not_seen(report)),
            "filter_rules": sorted(((headings if rule in violated else titles)[rule], rule) for rule in rules),
            "anchors": _reached(report, {f"f-{each.fingerprint}" for each in listed}),
        }
    )


def _numbered(values: Iterable[str | None]) -> dict[str | None, int]:
    """Return a number for each value in order, None first: the options of a filter, which rows refer to."""
    order = sorted(set(values), key=lambda value: (value is not None, value or ""))
    return {value: number for number, value in enumerate(order)}


class NotSeen(NamedTuple):
    """Something that the audit did not see or evaluate, and its place in the page."""

    said: str
    anchor: str


def _not_seen(report: Report) -> Iterator[NotSeen]:
    """Yield what was not seen, for the first screen, the most urgent first."""
    types, inconclusive = report.coverage.types, report.summary.unknown + report.summary.error
    counts = (
        (len(report.run.incomplete_reasons), "thing missing", "things missing", "missing"),
        (sum(each.in_scope and not each.complete for each in types), "type in part", "types in part", "types"),
        (inconclusive, "verdict", "verdicts", "unevaluated"),
        (sum(not each.in_scope for each in types), "type out of scope", "types out of scope", "types"),
        (len(report.not_configured), "rule not configured", "rules not configured", "notconfigured"),
        (len(report.coverage.not_visible), "fact not in the API", "facts not in the API", "notvisible"),
    )
    yield from (NotSeen(plural(count, one, many), anchor) for count, one, many, anchor in counts if count)


def _first(results: Sequence[Result], titles: dict[str, str]) -> ResultList:
    return _result_list(new_first(results)[:REST], len(results), Counter(each.rule_id for each in results), titles)


def _result_list(
    results: Sequence[Result],
    total: int,
    by_rule: dict[str, int],
    titles: dict[str, str],
    rule: RuleSummary | None = None,
) -> ResultList:
    rest = Counter(by_rule) - Counter(each.rule_id for each in results)
    return ResultList(
        results, total, [OmittedResults(titles[rule_id], count) for rule_id, count in rest.most_common()], rule
    )


def _reached(report: Report, ids: set[str]) -> dict[str, str]:
    """Return each rule's anchor in the page."""
    return {
        rule: place if place.startswith("rule-") or place in ids else f"about-{rule}"
        for rule, place in anchors(report).items()
    }
