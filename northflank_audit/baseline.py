"""The baseline of a comparison: a report or a baseline file."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from northflank_audit.model import ResourceName, Result, Severity, Status, Struct
from northflank_audit.report import Run

KIND: Final = "northflank-audit-baseline"
"""The `kind` of a baseline file."""
_DIGITS: Final = 12
"""Digits of a fingerprint that replace the resource, which a baseline file does not name."""


class BaselineRule(Struct, frozen=True, kw_only=True):
    """A rule that ran in the earlier audit."""

    id: str
    severity: Severity = Severity.INFO
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    sha256: str = ""


class Baseline(Struct, frozen=True, kw_only=True):
    """The parts of an earlier report.json that are compared."""

    schema_version: Literal["1.0"]
    run: Run
    rules: list[BaselineRule]
    results: list[Result]
    resolved: list[Result] = msgspec.field(default_factory=list)
    unsettled: list[Result] = msgspec.field(default_factory=list)


class BaselineViolation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A violation, as a baseline file has it."""

    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    rule: str
    type: str
    team: str | None
    project: str | None
    date: dt.date
    """The day from which the baseline has it, UTC."""

    def result(self, severity: Severity) -> Result:
        """Return it as a result of an earlier report, with the fingerprint as the resource's name."""
        return Result(
            rule_id=self.rule,
            severity=severity,
            status=Status.FAIL,
            resource=ResourceName(self.type, _stand_in(self.fingerprint), None, self.team, self.project),
            message=f"in the baseline since {self.date}",
            evidence={},
            waiver=None,
            fingerprint=self.fingerprint,
        )


class BaselineFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A baseline to commit: violations without names, and the scope of their run."""

    kind: Literal["northflank-audit-baseline"] = KIND
    schema_version: Literal["1.0"] = "1.0"
    run: Run
    rules: list[BaselineRule]
    violations: list[BaselineViolation]

    @property
    def baseline(self) -> Baseline:
        """The parts that a comparison needs."""
        severities = {rule.id: rule.severity for rule in self.rules}
        results = [each.result(severities.get(each.rule, Severity.INFO)) for each in self.violations]
        return Baseline(schema_version="1.0", run=self.run, rules=self.rules, results=results)

    @property
    def text(self) -> str:
        """The file's text: one rule or violation per line, so that a diff shows what changed."""
        head = {"kind": self.kind, "schemaVersion": self.schema_version, "run": self.run}
        parts = [f"{_json(key)}: {_json(value)}" for key, value in head.items()]
        parts += [f'"rules": {_listed(self.rules)}', f'"violations": {_listed(self.violations)}']
        return "{\n  " + ",\n  ".join(parts) + "\n}\n"


def baseline_file(report: Baseline, dates: Mapping[str, dt.date]) -> BaselineFile:
    """Return the baseline file of a report. `dates` of an older file, by fingerprint, are kept.

    Waived violations are not in it: they count when their waiver ends.
    """
    today = report.run.started_at.astimezone(dt.UTC).date()
    violations = [
        BaselineViolation(
            fingerprint=each.fingerprint,
            rule=each.rule_id,
            type=each.resource.type,
            team=each.resource.team,
            project=each.resource.project,
            date=dates.get(each.fingerprint, today),
        )
        for each in report.results
        if each.violates
    ]
    return BaselineFile(
        run=report.run,
        rules=sorted(report.rules, key=lambda rule: rule.id),
        violations=sorted(violations, key=lambda each: each.fingerprint),
    )


def is_anonymous(result: Result) -> bool:
    """Return whether a violation is from a baseline file, which does not name its resource."""
    return result.resource.name is None and result.resource.id == _stand_in(result.fingerprint)


def _stand_in(fingerprint: str) -> str:
    return f"#{fingerprint[:_DIGITS]}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _listed(items: Iterable[Any]) -> str:
    lines = ",\n    ".join(map(_json, items))
    return f"[\n    {lines}\n  ]" if lines else "[]"
