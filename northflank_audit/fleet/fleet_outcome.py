"""Sums up a fleet and its targets in a word, a title or a sentence."""

from collections import Counter
from enum import StrEnum
from typing import Final

from msgspec import UNSET

from northflank_audit.fleet.fleet_report import FleetReport, Target
from northflank_audit.formats.headline import Outcome
from northflank_audit.formats.text import plural
from northflank_audit.model import Severity


class TargetVerdict(StrEnum):
    """The outcome of a target, in a word, the worst first."""

    NOT_STARTED = "not started"
    INCOMPLETE = "incomplete"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"
    """Complete, but no rule passed or failed on anything."""
    PASSED = "passed"


_ENDED: Final = (0, 1)
"""The exit codes of a complete audit."""
_NOT_STARTED: Final = 2
"""The exit code of a target that could not start."""


def verdict(target: Target) -> TargetVerdict:
    """Return a target's verdict; an incomplete one neither passes nor fails."""
    summary = target.summary
    if not target.complete or target.exit_code not in _ENDED:
        unstarted = summary is None and target.exit_code == _NOT_STARTED
        return TargetVerdict.NOT_STARTED if unstarted else TargetVerdict.INCOMPLETE
    if summary is None:
        return TargetVerdict.INCONCLUSIVE
    if summary.fail or target.exit_code:
        return TargetVerdict.VIOLATED
    return TargetVerdict.PASSED if summary.passed + summary.waived else TargetVerdict.INCONCLUSIVE


def worst_first(report: FleetReport) -> list[Target]:
    """Return the targets in the order of the report, except that those of which nothing is known come first."""
    return sorted(
        report.targets, key=lambda each: (verdict(each) != TargetVerdict.NOT_STARTED, each.summary is not None)
    )


def by_verdict(report: FleetReport) -> dict[TargetVerdict, int]:
    """Return the number of targets of each verdict."""
    counts = Counter(map(verdict, report.targets))
    return {each: counts[each] for each in TargetVerdict}


def by_severity(report: FleetReport) -> dict[Severity, int]:
    """Return the number of violations of each severity, the worst first."""
    summaries = [each.summary for each in report.targets if each.summary]
    return {
        severity: sum(each.fail_by_severity.get(severity, 0) for each in summaries) for severity in reversed(Severity)
    }


def undelivered(report: FleetReport) -> list[str]:
    """Return why something of the fleet's own could not be written or sent; empty if all was."""
    return [] if report.undelivered is UNSET else report.undelivered


def has_gaps(report: FleetReport) -> bool:
    """Return whether a target is incomplete or could not start."""
    counts = by_verdict(report)
    return bool(counts[TargetVerdict.NOT_STARTED] + counts[TargetVerdict.INCOMPLETE])


def complete(report: FleetReport) -> bool:
    """Return whether every target is complete and everything was delivered."""
    return not has_gaps(report) and not undelivered(report) and report.exit_code in _ENDED


def fleet_outcome(report: FleetReport) -> Outcome:
    """Return the fleet's outcome: passed only if every target has."""
    counts = by_verdict(report)
    if not complete(report):
        return Outcome.INCOMPLETE
    if counts[TargetVerdict.VIOLATED]:
        return Outcome.VIOLATED
    passed = report.targets and not counts[TargetVerdict.INCONCLUSIVE]
    return Outcome.PASSED if passed else Outcome.INCONCLUSIVE


def violations(report: FleetReport) -> int:
    """Return the number of violations that are not waived."""
    return sum(each.summary.fail for each in report.targets if each.summary)


def fleet_headline(report: FleetReport) -> str:
    """Return the fleet's outcome in a sentence that anyone understands."""
    counts, size = by_verdict(report), len(report.targets)
    if not report.targets:
        return f"There is no target in {_part(report)}" + _besides(report)
    found = violations(report)
    on = sum(bool(each.summary and each.summary.fail) for each in report.targets)
    violated = f"{plural(found, 'violation')} on {on} of {plural(size, 'target')}" if found else ""
    blind = counts[TargetVerdict.NOT_STARTED] + counts[TargetVerdict.INCOMPLETE]
    if blind:
        unstarted = counts[TargetVerdict.NOT_STARTED]
        of_these = f" ({unstarted} could not start)" if unstarted and unstarted != blind else ""
        what = "could not start" if unstarted == blind else "could not be audited completely"
        so_far = violated or f"no violation on {plural(size, 'target')}"
        return f"{blind} of {plural(size, 'target')} {what}{of_these}; so far there {_are(found)} {so_far}"
    if counts[TargetVerdict.INCONCLUSIVE] == size:
        return f"Nothing could be evaluated on {plural(size, 'target')}" + _besides(report)
    nothing = counts[TargetVerdict.INCONCLUSIVE]
    inconclusive = f"; on {nothing} nothing could be evaluated" if nothing else ""
    return (violated or f"No violations on {plural(size, 'target')}") + inconclusive + _besides(report)


def _are(count: int) -> str:
    return "are" if count > 1 else "is"


def _besides(report: FleetReport) -> str:
    return ", but not everything could be delivered" if undelivered(report) else ""


def _part(report: FleetReport) -> str:
    return "the fleet" if report.shard is UNSET else f"part {report.shard.part} of {report.shard.of}"


def fleet_title(report: FleetReport) -> str:
    """Return a title for a subject line: `INCOMPLETE: 3 of 40 targets, 12 violations`."""
    counts, size = by_verdict(report), len(report.targets)
    found = violations(report)
    said = plural(found, "violation") if found else "No violations"
    if blind := counts[TargetVerdict.NOT_STARTED] + counts[TargetVerdict.INCOMPLETE]:
        return f"INCOMPLETE: {blind} of {plural(size, 'target')}, {said.lower()} found so far"
    if not complete(report):
        return f"INCOMPLETE: {said.lower()}, not delivered everywhere"
    if not found and fleet_outcome(report) is Outcome.INCONCLUSIVE:
        return f"Nothing could be evaluated on {counts[TargetVerdict.INCONCLUSIVE]} of {plural(size, 'target')}"
    return said


def fleet_subject(report: FleetReport) -> str:
    """Return the subject of a mail: `[AUDIT] 12 violations, 2 high — fleet of 40 targets`. It has one line."""
    worst = next(((count, each) for each, count in by_severity(report).items() if count), None)
    severity = f", {worst[0]} {worst[1]}" if worst else ""
    return f"[AUDIT] {fleet_title(report)}{severity} — {whose_fleet(report)}"


def whose_fleet(report: FleetReport) -> str:
    """Return what was audited: `fleet of 40 targets`, `part 2 of 4 of a fleet, 10 targets`."""
    size = plural(len(report.targets), "target")
    return f"fleet of {size}" if report.shard is UNSET else f"{_part(report)} of a fleet, {size}"


def fleet_explanation(report: FleetReport) -> str:
    """Return the reason for the exit code."""
    code = f"Exit code {report.exit_code}"
    if has_gaps(report):
        return f"{code}: the audit is incomplete. What is listed was found; the rest is unknown."
    if not complete(report):
        return f"{code}: every target was seen and evaluated, but not everything could be delivered."
    if report.exit_code:
        return f"{code}: every target is complete, and at least one is violated by its own options (--fail-on)."
    if violations(report):
        return f"{code}: every target is complete, and no violation counts by the target's own options (--fail-on)."
    return f"{code}: every target is complete, and nothing is violated."
