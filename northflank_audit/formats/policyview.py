"""Rule settings and controls, as readable formats show them."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from northflank_audit.controls import Control, ControlVerdict, Framework
from northflank_audit.formats.text import STATUSES, as_json, counted, plural
from northflank_audit.model import Status
from northflank_audit.parameters import ParameterSchema, allowed
from northflank_audit.report import NotConfigured, Report, RuleSummary

VERDICTS: Final = {
    ControlVerdict.MET: "met",
    ControlVerdict.WAIVED: "waived",
    ControlVerdict.NOTMET: "not met",
    ControlVerdict.NOTKNOWN: "not known",
    ControlVerdict.NOTAPPLICABLE: "not applicable",
}
"""The verdicts on controls in the order in which they are shown, with their names."""


class BarSegment(NamedTuple):
    """The controls of one verdict in a framework's bar: start and width, as percentages."""

    verdict: ControlVerdict
    start: str
    width: str


class FrameworkStatus(NamedTuple):
    """A framework, and the status of its controls."""

    framework: Framework
    summary: str
    segments: list[BarSegment]


class AppliedSetting(NamedTuple):
    """A rule's parameter or severity in this run."""

    text: str
    """`allowed = ["github"]`."""
    origin: str | None
    """`file:line` of what set it, if not the rule's own file."""
    description: str = ""
    """What it is for, with markup."""
    allowed: str = ""
    """What it may be, for a person."""


class RuleFileDigest(NamedTuple):
    """A file that rules came from."""

    path: str
    sha256: str
    rules: int
    """How many of its rules ran."""


def framework_statuses(report: Report) -> list[FrameworkStatus]:
    """Return the status of each framework's controls."""
    return [_framework_status(framework) for framework in report.compliance]


def _framework_status(framework: Framework) -> FrameworkStatus:
    count, whole = Counter(control.verdict for control in framework.controls), len(framework.controls)
    summary = [f"{count[ControlVerdict.MET]} of {plural(whole, 'covered control')} met"]
    segments, before = [], 0
    for verdict, name in VERDICTS.items():
        if count[verdict]:
            segments.append(BarSegment(verdict, f"{100 * before / whole:.1f}%", f"{100 * count[verdict] / whole:.1f}%"))
            before += count[verdict]
            summary += [] if verdict is ControlVerdict.MET else [f"{count[verdict]} {name}"]
    return FrameworkStatus(framework, ", ".join(summary), segments)


def unseen(report: Report) -> bool:
    """Return whether a control is not known only because evidence is missing."""
    against = (Status.UNKNOWN, Status.ERROR)
    return any(
        control.verdict is ControlVerdict.NOTKNOWN and not any(control.counts.get(status) for status in against)
        for framework in report.compliance
        for control in framework.controls
    )


def met(framework: Framework) -> int:
    """Return how many of the covered controls are met."""
    return sum(control.verdict is ControlVerdict.MET for control in framework.controls)


def numbers(rule: RuleSummary) -> list[int]:
    """Return how many verdicts of each status a rule has, in the order in which they are shown."""
    return [rule.counts.get(each, 0) for each in STATUSES]


def verdict_counts(control: Control) -> list[str]:
    """Return the counts of verdicts under a control: `41 pass`, `2 waived`."""
    return counted(control.counts) or ["none"]


def controls(rule: RuleSummary, titles: Mapping[str, str]) -> list[str]:
    """Return the controls of a rule, one line per framework; `titles` are those of the report."""
    return [f"{titles.get(key, key)} {', '.join(ids)}" for key, ids in rule.controls.items()]


def settings(rule: RuleSummary) -> list[AppliedSetting]:
    """Return a rule's settings in this run: its severity, if overridden, and its parameters."""
    severity = (
        [AppliedSetting(f"severity = {rule.severity}", rule.overridden["severity"])]
        if "severity" in rule.overridden
        else []
    )
    return severity + [
        AppliedSetting(
            f"{name} = {as_json(value)}",
            rule.overridden.get(f"params.{name}"),
            *_described(rule.param_schemas.get(name)),
        )
        for name, value in rule.params.items()
    ]


def parameters_to_set(rule: NotConfigured) -> list[AppliedSetting]:
    """Return the described parameters without which a rule does not run."""
    return [AppliedSetting(name, None, *_described(schema)) for name, schema in rule.param_schemas.items()]


def _described(schema: ParameterSchema | None) -> tuple[str, str]:
    return ("", "") if schema is None else (schema.description, allowed(schema))


def rule_files(report: Report) -> list[RuleFileDigest]:
    """Return the files that the rules came from, in the rules' order."""
    rules = Counter((rule.origin.rpartition(":")[0], rule.sha256) for rule in report.rules)
    return [RuleFileDigest(path, sha256, count) for (path, sha256), count in rules.items()]


def anchors(report: Report) -> dict[str, str]:
    """Return each rule's anchor in a page: its violations, else what is unknown or waived, else all rules."""
    places = {rule.id: f"about-{rule.id}" for rule in report.rules}
    failed = [each for each in report.results if each.status is Status.FAIL]
    waived = [each for each in failed if each.waiver is not None]
    inconclusive = [each for each in report.results if each.inconclusive]
    for results in (waived, inconclusive):  # later items replace earlier ones, so the most urgent come last
        places |= {each.rule_id: f"f-{each.fingerprint}" for each in reversed(results)}
    return places | {each.rule_id: f"rule-{each.rule_id}" for each in failed if each.violates}
