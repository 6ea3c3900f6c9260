"""The report as JUnit XML, with a suite per rule.

A suite has a case for each listed verdict. Verdicts that are only counted have none, so that numbers and cases agree;
but a rule without violations has one case with its counts. What does not count for the exit code is skipped, with the
reason. Only the case about the audit has a time, that of the whole run, so that the sums are right.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from northflank_audit.formats.gate_verdicts import GateVerdicts
from northflank_audit.formats.headline import explanation, headline
from northflank_audit.formats.junitxml import Case, Suite, document
from northflank_audit.formats.text import age, annotated, counted, label, reasons
from northflank_audit.formats.view import evidence
from northflank_audit.model import Result, Status
from northflank_audit.report import NotConfigured, Report, RuleSummary

_AGAINST: Final = (Status.FAIL, "waived", Status.UNKNOWN, Status.ERROR)
"""Counts of verdicts that need attention."""
_ENDED: Final[dict[Status, Literal["passed", "failure", "error", "skipped"]]] = {
    Status.PASS: "passed",
    Status.FAIL: "failure",
    Status.UNKNOWN: "error",
    Status.ERROR: "error",
    Status.NOTAPPLICABLE: "skipped",
}


def render(report: Report) -> str:
    """Return the report as JUnit XML."""
    listed: dict[str, list[Result]] = {rule.id: [] for rule in report.rules}
    for result in report.results:
        listed[result.rule_id].append(result)
    started = report.run.started_at.strftime("%Y-%m-%dT%H:%M:%S")
    gate = GateVerdicts(report)
    suites = [Suite(rule.id, list(_cases(report, gate, rule, listed[rule.id])), started) for rule in report.rules]
    unset = [Suite(rule.id, [_unset(rule)], started) for rule in report.not_configured]
    return document(report.tool.name, [Suite("audit", [_audit(report)], started), *suites, *unset])


def _unset(rule: NotConfigured) -> Case:
    """Return the case of a rule that did not run."""
    return Case(rule.title, f"{rule.resource}.{rule.id}", "skipped", message=f"not configured: {rule.why}")


def _audit(report: Report) -> Case:
    """Return the case about the audit, which fails if the audit is incomplete."""
    seconds = (report.run.finished_at - report.run.started_at).total_seconds()
    case = Case("the audit is complete", "audit", text=explanation(report), seconds=seconds)
    problems = reasons(report)
    if not problems:
        return case
    return case._replace(ended="error", type="incomplete", message=headline(report), text="\n".join(problems))


def _cases(report: Report, gate: GateVerdicts, rule: RuleSummary, listed: Iterable[Result]) -> Iterator[Case]:
    statuses = set()
    for result in listed:
        statuses.add(result.status)
        yield _case(gate, rule, result)
    if any(rule.counts.get(key) for key in _AGAINST):
        return
    passed = bool(rule.counts.get(Status.PASS))
    if (Status.PASS if passed else Status.NOTAPPLICABLE) in statuses:
        return
    counts = ", ".join(counted(rule.counts)) or "nothing to evaluate"
    if passed and report.run.complete:
        yield Case(rule.title, _class(rule), text=counts)
    else:
        unseen = "" if report.run.complete else ", but the audit is incomplete"
        yield Case(rule.title, _class(rule), "skipped", message=counts + unseen)


def _class(rule: RuleSummary) -> str:
    """Return a rule's id below its type, by which readers group cases: `addon.addon-public`."""
    return f"{rule.resource}.{rule.id}"


def _case(gate: GateVerdicts, rule: RuleSummary, result: Result) -> Case:
    ended, message, exemption = _ENDED[result.status], result.message, gate.exemption(result)
    if ended == "passed":
        return Case(label(result.resource), _class(rule))
    if exemption is not None:
        ended, message = "skipped", f"{exemption}: {message}"
    kind = "" if ended == "skipped" else f"{result.status} {result.severity}"
    text = [message, age(result), annotated(result), *evidence(result.evidence), rule.remediation]
    return Case(label(result.resource), _class(rule), ended, kind, message, "\n".join(filter(None, text)))
