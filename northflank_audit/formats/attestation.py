"""The report as an in-toto statement, ready to be signed.

It is about what was evaluated, and is the payload of a DSSE envelope.

The predicate is that of test results: a rule is a test, and the result is FAILED where the exit
code is not 0. Fields with `northflankAudit` in front are its extension.
Sources: the in-toto Attestation Framework's specification, "Statement" v1, "Predicate type: Test Result" v0.1, and its
parsing rules for extension fields.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET

from northflank_audit.errors import DeliveryError
from northflank_audit.formats.policyview import rule_files
from northflank_audit.formats.text import seen_times
from northflank_audit.model import Status
from northflank_audit.report import Report, RuleSummary, Subject

STATEMENT: Final = "https://in-toto.io/Statement/v1"
NOT_APPLICABLE: Final = "northflankAuditNotApplicable"
"""The counts of a rule that applied to nothing: no test was made, and none was passed."""
PREDICATE: Final = "https://in-toto.io/attestation/test-result/v0.1"


def render(report: Report) -> str:
    """Return the statement as JSON. Raises DeliveryError if the report has no digest of what was evaluated."""
    if report.subjects is UNSET or not report.subjects:
        raise DeliveryError("an attestation needs the digest of what was evaluated; add --save-snapshot FILE")
    statement = {
        "_type": STATEMENT,
        "subject": [_subject(each) for each in report.subjects],
        "predicateType": PREDICATE,
        "predicate": _predicate(report),
    }
    return msgspec.json.format(msgspec.json.encode(statement), indent=2).decode() + "\n"


def _subject(subject: Subject) -> dict[str, Any]:
    """Return a resource descriptor, which says if the file was not saved."""
    unsaved = {} if subject.saved else {"annotations": {"northflankAuditSaved": False}}
    return {"name": subject.name, "digest": {"sha256": subject.sha256}, **unsaved}


def _predicate(report: Report) -> dict[str, Any]:
    tests: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": [], NOT_APPLICABLE: []}
    exempt = Counter(each.rule_id for each in report.results if report.gate.exempts(each))
    for rule in report.rules:
        tests[_verdict(rule, report, exempt[rule.id])].append(rule.id)
    failed = not report.run.complete or tests["failedTests"]
    return {
        "result": "FAILED" if failed else "WARNED" if tests["warnedTests"] or not tests["passedTests"] else "PASSED",
        "configuration": list(_configuration(report)),
        **tests,
        "northflankAuditTool": report.tool,
        "northflankAuditRun": report.run,
        "northflankAuditSummary": report.summary,
        "northflankAuditCoverage": report.coverage,
        "northflankAuditRules": {
            rule.id: {"severity": rule.severity, "params": rule.params, "tuned": rule.overridden, "counts": rule.counts}
            for rule in report.rules
        },
        **_findings(report),
        "northflankAuditLeftOut": report.excluded_rules,
        "northflankAuditNotConfigured": {rule.id: rule.requires for rule in report.not_configured},
        "northflankAuditGate": report.gate,
        "northflankAuditExitCode": report.exit_code,
    }


def _findings(report: Report) -> dict[str, Any]:
    """Return the state and age of each violation, waived ones too, if the report knows them from the history."""
    found = [
        {"fingerprint": each.fingerprint, "ruleId": each.rule_id, "state": each.state, **seen_times(each)}
        for each in report.results
        if each.first_seen is not UNSET
    ]
    return {"northflankAuditFindings": found} if found else {}


def _configuration(report: Report) -> Iterator[dict[str, Any]]:
    for file in rule_files(report):
        yield {"name": file.path, "digest": {"sha256": file.sha256}}


def _verdict(rule: RuleSummary, report: Report, exempt: int) -> str:
    """Return the list to which a rule belongs. It passes only if all its verdicts are there and pass.

    A violation below `--fail-on` warns, and so do the `exempt` ones, which are not new.
    """
    counts = rule.counts
    if counts[Status.FAIL] > exempt and report.gate.fails(rule.severity):
        return "failedTests"
    whole = report.run.complete and counts[Status.PASS] + counts[Status.NOTAPPLICABLE] == sum(counts.values())
    if whole and counts[Status.PASS]:
        return "passedTests"
    return NOT_APPLICABLE if whole and counts[Status.NOTAPPLICABLE] else "warnedTests"
