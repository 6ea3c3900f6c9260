"""From rules to controls: what the verdicts amount to for each framework that the rules name."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from northflank_audit.model import Status
from northflank_audit.report import Control, ControlVerdict, Framework, RuleSummary

FRAMEWORKS: Final = {
    "soc2": "SOC 2",
    "nist-800-53": "NIST SP 800-53 r5",
    "iso-27001": "ISO/IEC 27001:2022",
    "cis-v8": "CIS Controls v8.1",
    "pci-dss": "PCI DSS 4.0.1",
}
"""The titles of the frameworks that are known here, in the report's order; another is called as rules call it."""

_NUMBER: Final = re.compile(r"[0-9]+")


def frameworks(rules: Sequence[RuleSummary], *, seen: bool) -> list[Framework]:
    """Return every framework that a rule names, with its controls in natural order.

    `seen` says whether the rules have evaluated all that there is. Where they have not, nothing is known to be met.
    """
    covered: dict[str, dict[str, list[RuleSummary]]] = {}
    for rule in rules:
        for framework, controls in rule.controls.items():
            for control in dict.fromkeys(controls):
                covered.setdefault(framework, {}).setdefault(control, []).append(rule)
    order = [*(each for each in FRAMEWORKS if each in covered), *sorted(covered.keys() - FRAMEWORKS.keys())]
    return [
        Framework(
            id=framework,
            title=FRAMEWORKS.get(framework, framework),
            controls=[
                _control(each, covered[framework][each], seen) for each in sorted(covered[framework], key=_natural)
            ],
        )
        for framework in order
    ]


def _control(control: str, rules: Sequence[RuleSummary], seen: bool) -> Control:
    counts: Counter[str] = Counter()
    for rule in rules:
        counts.update(rule.counts)
    return Control(id=control, verdict=_verdict(counts, seen), rules=[rule.id for rule in rules], counts=dict(counts))


def _verdict(counts: Counter[str], seen: bool) -> ControlVerdict:
    """Go from the worst down, so that nothing better can hide it. An unknown counts whatever --on-unknown says."""
    if counts[Status.FAIL]:
        return ControlVerdict.NOTMET
    if not seen or counts[Status.UNKNOWN] or counts[Status.ERROR]:
        return ControlVerdict.NOTKNOWN
    if counts["waived"]:
        return ControlVerdict.WAIVED
    return ControlVerdict.MET if counts[Status.PASS] else ControlVerdict.NOTAPPLICABLE


def _natural(control: str) -> str:
    """Return what sorts CC6.2 before CC6.10."""
    return _NUMBER.sub(lambda number: number[0].zfill(9), control)
