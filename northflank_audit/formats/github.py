"""The report as GitHub annotations: workflow commands on standard output.

A step shows at most ten annotations of each level (GitHub's documentation, actions/toolkit, "Problem matchers",
Limitations). So the worst come first, and the last line counts the rest.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from northflank_audit.formats.headline import headline, outcome
from northflank_audit.formats.text import besides, label, new_first, plural
from northflank_audit.formats.workflow import command
from northflank_audit.inconclusive import causes
from northflank_audit.model import Result, Severity
from northflank_audit.report import Report, RuleSummary

MOST: Final = {"error": 10, "warning": 10, "notice": 9}
"""Annotations of each level; the last line is an additional notice."""
LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}
_KINDS: Final = {
    "reason": ("reason why it is incomplete", "reasons why it is incomplete"),
    "violation": ("violation", "violations"),
    "inconclusive": ("reason why verdicts are unknown", "reasons why verdicts are unknown"),
}


def render(report: Report) -> str:
    """Return why the audit is incomplete, each violation, and what could not be evaluated; the verdict comes last.

    Waived violations need no attention, so they take no annotation from those that do.
    """
    given: Counter[str] = Counter()
    rest: Counter[str] = Counter()
    lines = []
    for kind, level, text, where in _annotations(report):
        if given[level] < MOST[level]:
            given[level] += 1
            lines.append(command(level, text, **where))
        else:
            rest[kind] += 1
    more = [plural(rest[kind], *words) for kind, words in _KINDS.items() if rest[kind]]
    further = f". Only in the reports: {', '.join(more)}" if more else ""
    unset = len(report.not_configured)
    further += f". {plural(unset, 'rule')} not configured" if unset else ""
    lines.append(command("notice", headline(report) + further, title=f"Northflank audit: {outcome(report)}"))
    return "\n".join(lines) + "\n"


def _annotations(report: Report) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Yield each annotation's kind, level, text and properties, the most important of a level first."""
    rules = {rule.id: rule for rule in report.rules}
    for reason in report.run.incomplete_reasons:
        yield "reason", "error", reason, {"title": "The audit is incomplete"}
    for each in new_first(result for result in report.results if result.violates):
        title = each.severity.capitalize() + (f", {each.state}" if each.is_new else "")
        yield (
            "violation",
            LEVELS[each.severity],
            _text(each),
            _place(rules[each.rule_id], f"{title}: {rules[each.rule_id].heading}"),
        )
    for cause in causes(report.results, report.rules):
        yield (
            "inconclusive",
            "warning",
            cause.text,
            _place(cause.rule, f"{cause.status.capitalize()}: {cause.rule.title}"),
        )


def _text(result: Result) -> str:
    return f"{label(result.resource)}: {result.message}{besides(result)}"


def _place(rule: RuleSummary, title: str) -> dict[str, str]:
    """Return where a rule is defined, the only file that a finding has, and the annotation's title."""
    path, _, line = rule.origin.rpartition(":")
    return {"file": path, "line": line, "title": title}
