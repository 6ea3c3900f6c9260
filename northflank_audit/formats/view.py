"""Data that the readable formats share; templates only lay it out."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from northflank_audit.formats.headline import explanation, headline, no_violation, outcome, title
from northflank_audit.formats.policyview import VERDICTS, anchors, framework_statuses, rule_files, unseen
from northflank_audit.formats.ruletext import plain
from northflank_audit.formats.text import (
    BECAME,
    MOST_TYPES,
    STATUSES,
    annotation_counts,
    as_json,
    changes,
    many,
    missing,
    moment,
    plural,
    type_names,
    unused_annotations,
)
from northflank_audit.inconclusive import causes
from northflank_audit.model import OWN_ACCOUNT, Result, Severity, Status
from northflank_audit.printable import printable
from northflank_audit.report import Report, RuleSummary, TypeCoverage

_SOURCES: Final = {"api": "Northflank API", "demo": "Sample account of the embedded emulator", "input": "Saved JSON"}


class RuleFindings(NamedTuple):
    """A rule with those of its results that are listed together."""

    rule: RuleSummary
    results: list[Result]


class Bar(NamedTuple):
    """A severity's bar in the chart."""

    severity: Severity
    violations: int
    percent: str
    """Its width as a percentage of the longest bar."""


def view(report: Report) -> dict[str, Any]:
    """Return the variables that the templates share."""
    results = report.results
    resolved = report.resolved_results
    unsettled = report.unsettled_results
    inconclusive = [each for each in results if each.inconclusive]
    every = [*results, *resolved, *unsettled]
    return {
        "report": report,
        "title": title(report),
        "outcome": outcome(report),
        "headline": headline(report),
        "explanation": explanation(report),
        "missing": missing(report),
        "source": _source(report),
        "places": _places(report),
        "scope": _scope(report),
        "seconds": f"{(report.run.finished_at - report.run.started_at) / dt.timedelta(seconds=1):.1f}",
        "counts": counts(report),
        "bars": bars(report),
        "findings": grouped(report, (each for each in results if each.violates)),
        "waived": [each for each in results if each.waiver is not None],
        "incorrect": [each for each in results if each.is_called_incorrect],
        "annotation_counts": annotation_counts(report),
        "unused_annotations": unused_annotations(report),
        "inconclusive": inconclusive,
        "causes": causes(results, report.rules),
        "no_violation": no_violation(report),
        "others": [each for each in results if each.status in (Status.PASS, Status.NOTAPPLICABLE)],
        "compared": report.resolved is not UNSET,
        "resolved": resolved,
        "unsettled": unsettled,
        "changes": changes(report),
        "became": BECAME,
        "rules": sorted(report.rules, key=lambda rule: (-rule.severity.rank, rule.id)),
        "rule_titles": {each.rule_id: each.rule_id for each in every}
        | {rule.id: plain(rule.title) for rule in report.rules},
        "rule_headings": {each.rule_id: each.rule_id for each in every}
        | {rule.id: plain(rule.heading) for rule in report.rules},
        "rule_files": rule_files(report),
        "framework_statuses": framework_statuses(report),
        "framework_titles": {framework.id: framework.title for framework in report.compliance},
        "unseen": unseen(report),
        "anchors": anchors(report),
        "statuses": STATUSES,
        "control_verdicts": VERDICTS,
        "product": product(report),
        "total": total(report),
        "audited": audited(report),
        "types": types(report),
    }


def counts(report: Report) -> dict[str, int]:
    """Return the number of verdicts of each kind; `fail` excludes waived ones."""
    summary = report.summary
    return {name: summary.passed if name == "pass" else getattr(summary, name) for name in STATUSES}


def bars(report: Report) -> list[Bar]:
    """Return the chart of violations by severity, the worst first."""
    failures = report.summary.fail_by_severity
    longest = max(1, *failures.values())
    return [
        Bar(severity, failures[severity], f"{100 * failures[severity] / longest:.1f}%")
        for severity in reversed(Severity)
    ]


def grouped(report: Report, results: Iterable[Result]) -> list[RuleFindings]:
    """Group results by rule, in the report's order."""
    rules = {rule.id: rule for rule in report.rules}
    findings: dict[str, RuleFindings] = {}
    for result in results:
        findings.setdefault(result.rule_id, RuleFindings(rules[result.rule_id], [])).results.append(result)
    return list(findings.values())


MOST_TERMS: Final = 4
"""Types that are named individually in the sum of verdicts."""


def product(report: Report) -> str:
    """Return how many verdicts are expected: `2 addons × 3 rules + 1 account × 2 rules = 8 verdicts`.

    A list that could not be read also has one verdict for each rule about its type.
    """
    rules = Counter(rule.resource for rule in report.rules)
    counts, verdicts = report.resource_counts, report.coverage.results
    products = [(counts.get(kind, 0), many(counts.get(kind, 0), kind), rules[kind]) for kind in _types(report)]
    unread = Counter(
        kind for kind, *_ in dict.fromkeys(each.resource.identity for each in report.results if not each.resource.id)
    )
    products += [
        (count, f"{plural(count, 'unread list')} of {type_names(kind).plural}", rules[kind])
        for kind, count in unread.items()
    ]
    terms = [f"{what} × {plural(each, 'rule')}" for _, what, each in products if each]
    if len(terms) > MOST_TERMS:
        about = [kind for kind in _types(report) if rules[kind]]
        held = f"{plural(sum(counts.get(kind, 0) for kind in about), 'resource')} of {len(about)} types"
        held = f"({held} + {plural(unread.total(), 'unread list')})" if unread else held
        terms = [f"{held} × the rules about each type"]
    equals = "=" if sum(count * each for count, _, each in products) == verdicts else "≠"
    return f"{' + '.join(terms)} {equals} {plural(verdicts, 'verdict')}"


def _types(report: Report) -> list[str]:
    """Return the types that rules are about, in the order of the report, accounts last."""
    about = dict.fromkeys(rule.resource for rule in report.rules)
    return [*report.resource_counts, *(kind for kind in about if kind not in report.resource_counts)]


def audited(report: Report) -> str:
    """Return how much was audited, by how many rules: `3 addons, 2 accounts, 3 rules`."""
    counts = [many(count, kind) for kind, count in report.resource_counts.items()]
    if len(counts) > MOST_TYPES:
        counts = [f"{plural(sum(report.resource_counts.values()), 'resource')} of {len(counts)} types"]
    return ", ".join([*counts, plural(len(report.rules), "rule")])


class TypeRow(NamedTuple):
    """The coverage of a type, in words."""

    name: str
    resources: int
    details: int
    requests: int
    complete: str
    scope: str
    """`in scope`, or why it is not."""
    missing: list[str]
    silent: list[str]


def types(report: Report) -> list[TypeRow]:
    """Return the coverage of each type."""
    return [
        TypeRow(
            type_names(each.type).plural,
            each.resources,
            each.details,
            each.requests,
            _completeness(each),
            "in scope" if each.in_scope else f"not in scope: {each.scope}" if each.scope else "not in scope",
            each.missing,
            each.silent,
        )
        for each in report.coverage.types
    ]


def _completeness(coverage: TypeCoverage) -> str:
    """Return whether everything requested was read; nothing is requested that is not in scope."""
    return ("complete" if coverage.complete else "incomplete") if coverage.in_scope else "not requested"


def total(report: Report) -> str:
    """Return how the verdicts add up: `4 pass + 2 fail + … = 6`."""
    parts = counts(report)
    equals = "=" if sum(parts.values()) == report.coverage.results else "≠"
    return (
        f"{' + '.join(f'{count} {STATUSES[name]}' for name, count in parts.items())} {equals} {report.coverage.results}"
    )


def evidence(fields: Mapping[str, Any]) -> list[str]:
    """Return the fields that a rule read: `restrictions.restricted = false`."""
    return [f"{printable(path)} = {as_json(value)}" for path, value in fields.items()]


def _source(report: Report) -> str:
    source = report.run.source
    taken = "" if source.taken_at is UNSET else f", as of {moment(source.taken_at)}"
    return _SOURCES[source.kind] + taken


def _places(report: Report) -> list[str]:
    source = report.run.source
    files = [] if source.files is UNSET else source.files
    return [*([source.url] if source.url else []), *files]


def _scope(report: Report) -> str:
    source = report.run.source
    if source.teams:
        return ", ".join(source.teams)
    return "the saved accounts" if source.kind == "input" else OWN_ACCOUNT
