"""Turns verdicts on rules into verdicts on the controls of frameworks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from northflank_audit.audit.not_visible import Fact
from northflank_audit.controls import Control, ControlVerdict, Framework, NotCovered
from northflank_audit.model import Status
from northflank_audit.report import NotConfigured, Report, RuleSummary

FRAMEWORKS: Final = {
    "soc2": "SOC 2",
    "nist-800-53": "NIST SP 800-53 r5",
    "iso-27001": "ISO/IEC 27001:2022",
    "cis-v8": "CIS Controls v8.1",
    "pci-dss": "PCI DSS 4.0.1",
}
"""The titles of known frameworks, in the report's order. Any other is titled as rules name it."""

_CONTROLS: Final = 4096
"""Controls whose places in the order are kept."""
_NUMBER: Final = re.compile(r"[0-9]+")


def frameworks(
    rules: Sequence[RuleSummary],
    not_configured: Sequence[NotConfigured] = (),
    not_visible: Sequence[Fact] = (),
    *,
    seen: bool,
) -> list[Framework]:
    """Return every framework that a rule names, with its controls in natural order.

    `seen` says whether the rules evaluated everything. If they did not, no control is known to be met.
    """
    covered: dict[str, dict[str, list[RuleSummary]]] = {}
    for rule in rules:
        for framework, control in _served(rule):
            covered.setdefault(framework, {}).setdefault(control, []).append(rule)
    unset: dict[str, dict[str, list[str]]] = {}
    for each in not_configured:
        for framework, control in _served(each):
            unset.setdefault(framework, {}).setdefault(control, []).append(f"{each.id} is not configured: {each.why}")
    named = covered.keys() | unset.keys()
    order = [*(each for each in FRAMEWORKS if each in named), *sorted(named - FRAMEWORKS.keys())]
    return [_framework(each, covered.get(each, {}), unset.get(each, {}), not_visible, seen) for each in order]


def limited_to(report: Report, framework: str) -> Report:
    """Return a report that shows the controls of one framework alone. Verdicts and the exit code are the same."""
    return replace(
        report,
        rules=[replace(rule, controls=_of(rule, framework)) for rule in report.rules],
        not_configured=[replace(rule, controls=_of(rule, framework)) for rule in report.not_configured],
        compliance=[each for each in report.compliance if each.id == framework],
    )


def _of(rule: RuleSummary | NotConfigured, framework: str) -> dict[str, list[str]]:
    return {each: controls for each, controls in rule.controls.items() if each == framework}


def _served(rule: RuleSummary | NotConfigured) -> Iterator[tuple[str, str]]:
    """Yield each framework and control that a rule serves."""
    for framework, controls in rule.controls.items():
        yield from ((framework, control) for control in dict.fromkeys(controls))


def _framework(
    framework: str,
    covered: Mapping[str, Sequence[RuleSummary]],
    unset: Mapping[str, Sequence[str]],
    not_visible: Sequence[Fact],
    seen: bool,
) -> Framework:
    reasons = {control: "; ".join(why) for control, why in unset.items() if control not in covered}
    controls = [_control(each, covered[each], seen) for each in sorted(covered, key=_natural)]
    hidden = {
        each: f"the API does not show {fact.text}" for fact in not_visible for each in fact.controls.get(framework, ())
    }
    # A rule with such a control may show that it is violated, but never that it is met.
    visible = [each for each in controls if each.id not in hidden or each.verdict is not ControlVerdict.MET]
    reasons |= {each: why for each, why in hidden.items() if each not in {control.id for control in visible}}
    return Framework(
        id=framework,
        title=FRAMEWORKS.get(framework, framework),
        controls=visible,
        not_covered=[NotCovered(id=each, reason=reasons[each]) for each in sorted(reasons, key=_natural)],
    )


def _control(control: str, rules: Sequence[RuleSummary], seen: bool) -> Control:
    counts = dict(rules[0].counts)
    for rule in rules[1:]:
        for name, count in rule.counts.items():
            counts[name] = counts.get(name, 0) + count
    return Control(id=control, verdict=_verdict(counts, seen), rules=[rule.id for rule in rules], counts=counts)


def _verdict(counts: Mapping[str, int], seen: bool) -> ControlVerdict:
    """Return the worst verdict that applies. An unknown counts whatever --on-unknown says."""
    if counts[Status.FAIL]:
        return ControlVerdict.NOTMET
    if not seen or counts[Status.UNKNOWN] or counts[Status.ERROR]:
        return ControlVerdict.NOTKNOWN
    if counts["waived"]:
        return ControlVerdict.WAIVED
    return ControlVerdict.MET if counts[Status.PASS] else ControlVerdict.NOTAPPLICABLE


@lru_cache(_CONTROLS)
def _natural(control: str) -> str:
    """Return a sort key that puts CC6.2 before CC6.10."""
    return _NUMBER.sub(lambda number: number[0].zfill(9), control)
