"""Small real reports."""

import datetime as dt
from typing import Any

import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.audit.compliance import frameworks
from northflank_audit.model import ResourceName, Result, Severity, Status, fingerprint
from northflank_audit.remarks import Annotation, Annotations, Waiver
from northflank_audit.report import (
    BaselineRun,
    Comparison,
    Coverage,
    Origin,
    Report,
    RuleSummary,
    Run,
    Subject,
    Summary,
    Tool,
    Waivers,
)
from northflank_audit.resolution import Became

HOSTILE = (
    "<script>alert(1)</script>\" onload='x' `code` | [a](javascript:x) ![i](https://evil.example/i) *b* __c__ ~~d~~ "
    "@someone #12 !3 https://evil.example www.evil.example a@evil.example &lt; {{ 7 * 7 }} \\| \u202egnp\x00\x1b[31m\r\n"
    "# heading\n- item"
)
"""What someone may have called a credential."""


def result(rule: str = "unrestricted", resource: str = "a", **changes: Any) -> Result:
    made = Result(
        rule_id=rule,
        severity=Severity.HIGH,
        status=Status.FAIL,
        resource=ResourceName("registry-credential", resource, resource.upper(), None),
        message=f"{resource} can be used by every project",
        evidence={"restrictions.restricted": False},
        waiver=None,
        fingerprint=fingerprint(rule, ("registry-credential", None, None, resource)),
    )
    return replace(made, **changes)


WAIVER = Waiver(
    rule="provider", resource="b", reason="Migrated in Q1", owner="ops@example.com", expires=dt.date(2027, 1, 31)
)


RULES = [
    RuleSummary(
        id="provider",
        title="Provider is allowed",
        severity=Severity.LOW,
        rationale="",
        remediation="",
        references=[],
        controls={"soc2": ["CC6.3", "CC9.2"]},
        params={"allowed": ["github"], "strict": True},
        origin="rules.yaml:12",
        counts={"pass": 1, "fail": 0, "unknown": 0, "error": 0, "notapplicable": 1, "waived": 1},
        sha256="ab" * 32,
        overridden={"severity": "audit.yaml:3", "params.allowed": "audit.yaml:4"},
    ),
    RuleSummary(
        id="unrestricted",
        title="Restricted to projects",
        severity=Severity.HIGH,
        rationale="One project reaches every image.",
        remediation="Select the projects.",
        references=["https://example.com/docs", "https://example.com/more"],
        controls={"soc2": ["CC6.1", "CC6.3"], "own": ["1"]},
        params={},
        origin="rules.yaml:3",
        counts={"pass": 1, "fail": 1, "unknown": 1, "error": 0, "notapplicable": 0, "waived": 0},
        sha256="ab" * 32,
    ),
]


@pytest.fixture
def report() -> Report:
    """Three credentials and two rules: a violation, a waived one, an unknown one."""
    return Report(
        tool=Tool("northflank-audit", "1.0.0"),
        run=Run(
            id="0123456789abcdef",
            started_at=dt.datetime(2026, 11, 24, 6, 0, 0, tzinfo=dt.UTC),
            finished_at=dt.datetime(2026, 11, 24, 6, 0, 2, 500000, tzinfo=dt.UTC),
            source=Origin(kind="api", url="https://api.northflank.com"),
            complete=True,
            incomplete_reasons=[],
        ),
        coverage=Coverage(requests=4, retries=1, pages=1, count=3, resources=3, details=2, results=6),
        summary=Summary(
            passed=2,
            fail=1,
            unknown=1,
            error=0,
            notapplicable=1,
            waived=1,
            fail_by_severity={"info": 0, "low": 0, "medium": 0, "high": 1, "critical": 0},
        ),
        rules=RULES,
        compliance=frameworks(RULES, seen=True),
        results=[
            result(),
            result(resource="c", status=Status.UNKNOWN, message="c could not be evaluated", evidence={}),
            result("provider", "b", severity=Severity.LOW, message="b uses quay", waiver=WAIVER),
        ],
        waivers=Waivers([], []),
        warnings=[],
        exit_code=1,
    )


@pytest.fixture
def incomplete(report: Report) -> Report:
    """The same, but for a page that was refused."""
    run = replace(report.run, complete=False, incomplete_reasons=["page 2: 403 Forbidden", "1 verdict is unknown"])
    return replace(report, run=run, compliance=frameworks(report.rules, seen=False), exit_code=3)


@pytest.fixture
def clean(report: Report) -> Report:
    """The same, with nothing to object to."""
    rules = [
        replace(rule, counts={"pass": 3, "fail": 0, "unknown": 0, "error": 0, "notapplicable": 0, "waived": 0})
        for rule in report.rules
    ]
    summary = Summary(
        passed=6,
        fail=0,
        unknown=0,
        error=0,
        notapplicable=0,
        waived=0,
        fail_by_severity={severity.value: 0 for severity in Severity},
    )
    compliance = frameworks(rules, seen=True)
    return replace(report, rules=rules, compliance=compliance, results=[], summary=summary, exit_code=0)


@pytest.fixture
def full(report: Report) -> Report:
    """The same, with everything that a report may have besides."""
    team = ResourceName("registry-credential", "t", None, "payments")
    results = [replace(each, state="new") if each.status is Status.FAIL else each for each in report.results]
    results.append(replace(result("provider", "t"), resource=team, status=Status.PASS))
    return replace(
        report,
        results=results,
        comparison=Comparison(
            baseline=BaselineRun(
                id="fedcba9876543210",
                finished_at=dt.datetime(2026, 11, 17, 6, 0, 3, tzinfo=dt.UTC),
                complete=False,
                source=Origin(kind="api", url="https://api.northflank.com"),
            ),
            cautions=["the earlier report was incomplete: what is new may have been there"],
            new=1,
            ongoing=0,
            resolved=2,
            unsettled=2,
        ),
        resolved=[
            replace(result(resource="y"), became=Became.FIXED),
            replace(result(resource="z"), became=Became.GONE),
        ],
        unsettled=[
            replace(result(resource="c"), became=Became.UNKNOWN),
            replace(result("former", "z"), became=Became.UNASKED),
        ],
        subjects=[Subject(name="snapshot.json", sha256="cd" * 32)],
        waivers=Waivers([replace(WAIVER, team="payments")], [WAIVER]),
        warnings=["something is odd"],
    )


@pytest.fixture
def with_account(report: Report) -> Report:
    """The same, with two accounts and a rule about them that one violates."""
    account = ResourceName("account", "payments", None, "payments")
    many = result("many", resource="payments", severity=Severity.LOW, message="team payments holds more than 100")
    counts = {**report.rules[0].counts, "pass": 1, "fail": 1, "notapplicable": 0, "waived": 0}
    rule = replace(report.rules[0], id="many", title="Not too many", resource="account", counts=counts)
    failed = {**report.summary.fail_by_severity, "low": 1}
    return replace(
        report,
        rules=[*report.rules, rule],
        results=[*report.results, replace(many, resource=account)],
        coverage=replace(report.coverage, accounts=2, results=8),
        summary=replace(report.summary, passed=3, fail=2, fail_by_severity=failed),
    )


def crowd(report: Report, count: int, **changes: Any) -> Report:
    """Return the report with so many violations of one rule in place of its results."""
    results = [result(resource=f"r{number}", **changes) for number in range(count)]
    summary = replace(report.summary, fail=count, fail_by_severity={**report.summary.fail_by_severity, "high": count})
    coverage = replace(report.coverage, resources=count)
    return replace(report, results=results, summary=summary, coverage=coverage)


@pytest.fixture
def hostile(full: Report) -> Report:
    """The full report with a hostile text in place of everything that others write."""
    return poisoned(full, HOSTILE)


def poisoned_comparison(comparison: Comparison | UnsetType, text: str) -> Comparison | UnsetType:
    if comparison is UNSET:
        return UNSET
    source = Origin(kind="api", url=text, teams=[text])
    return replace(comparison, baseline=replace(comparison.baseline, id=text, source=source), cautions=[text])


def poisoned(report: Report, text: str) -> Report:
    """Return the report with a text in place of everything that others write."""
    waiver = replace(WAIVER, rule=text, resource=text, reason=text, owner=text, team=text)
    annotation = Annotation(rule=text, resource=text, team=text, owner=text, comment=text, incorrect=True)
    rules = [
        replace(
            rule,
            title=text,
            rationale=text,
            remediation=text,
            references=[
                text,
                "javascript:alert(1)",
                "https://evil.example/" + text,
                "https://[",
                "https://good.example/",
            ],
            controls={text: [text], "soc2": [text]},
            params={text: text},
            origin=f"{text}:1",
            sha256=text,
            overridden={"severity": text, f"params.{text}": text},
        )
        for rule in report.rules
    ]
    resource = ResourceName("registry-credential", text, text + "2", text)

    def spoiled(each: Result) -> Result:
        hurt = each.waiver and waiver
        return replace(
            each,
            resource=resource,
            message=text,
            evidence={text: {text: [text, 1]}},
            waiver=hurt,
            annotation=annotation,
            overdue=True,
        )

    return replace(
        report,
        run=replace(
            report.run,
            id=text,
            source=Origin(kind="input", url=text, files=[text], teams=[text]),
            complete=False,
            incomplete_reasons=[text],
        ),
        tool=Tool(text, text),
        rules=rules,
        compliance=frameworks(rules, seen=False),
        results=[replace(spoiled(each), fingerprint=f"{text}{n}") for n, each in enumerate(report.results)],
        comparison=poisoned_comparison(report.comparison, text),
        resolved=[replace(spoiled(report.results[0]), rule_id=text, became=Became.GONE)],
        unsettled=[replace(spoiled(report.results[0]), rule_id=text, became=Became.UNASKED)],
        subjects=[Subject(name=text, sha256="cd" * 32, saved=False)],
        waivers=Waivers([waiver], [waiver]),
        annotations=Annotations(overdue=1, incorrect=1, unused=[annotation]),
        warnings=[text],
    )


AGE = dt.timedelta(days=12)


@pytest.fixture
def aged(report: Report) -> Report:
    """A report with a history: its violations are twelve days old, one came back, and one is new."""
    seen = report.run.started_at
    first = {"first_seen": seen - AGE, "open_since": seen - AGE, "last_seen": seen}
    return replace(
        report,
        results=[
            result(resource="old", state="ongoing", **first),
            result(resource="back", state="reopened", **{**first, "open_since": seen}),
            result(resource="young", state="new", first_seen=seen, open_since=seen, last_seen=seen),
        ],
        resolved=[],
        unsettled=[result(resource="lost", became=Became.UNSEEN, **first)],
    )
