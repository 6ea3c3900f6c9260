"""The matrix of target × family that the fleet's page, Markdown and mail show."""

from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import quote

from northflank_audit.fleet.fleet_outcome import TargetVerdict, verdict
from northflank_audit.fleet.fleet_report import FamilyVerdicts, FleetReport, Target
from northflank_audit.formats.text import plural
from northflank_audit.model import Severity
from northflank_audit.resources import TYPES

NO_RULE: Final = "–"
"""The text of a cell if no rule was about the family."""
FORMAT: Final = "html"
"""The format that a target's name links to, if the target has it."""


class Cell(NamedTuple):
    """The verdicts of a target about one family."""

    kind: str
    """`fail`, `unknown`, `pass`, `some` (no verdict, or only some are known) or `none` (no rule ran)."""
    text: str
    severity: Severity | None = None
    """The highest of its violations."""

    @property
    def is_open(self) -> bool:
        """Whether something is violated or unknown."""
        return self.kind in ("fail", "unknown")


class Row(NamedTuple):
    """A target."""

    target: Target
    verdict: TargetVerdict
    link: str | None
    """The address of its report, relative to the fleet's."""
    cells: list[Cell]

    @property
    def violations(self) -> int:
        """Violations that are not waived."""
        return self.target.summary.fail if self.target.summary else 0

    @property
    def severities(self) -> str:
        """Its violations by severity, the worst first: `1 high, 2 low`; empty without any."""
        return severities(self.target)


def families(report: FleetReport) -> list[str]:
    """Return the families that rules were about, in the catalogue's order; then those of other versions, by name."""
    present = {family for each in report.targets for family in each.families}
    known = list(dict.fromkeys(kind.family for kind in TYPES.values()))
    return [family for family in known if family in present] + sorted(present.difference(known))


def rows(targets: Iterable[Target], columns: list[str]) -> list[Row]:
    """Return a row for each target, with a cell for each family of `columns`."""
    return [
        Row(each, verdict(each), link(each), [_cell(each.families.get(family), each.complete) for family in columns])
        for each in targets
    ]


def _cell(verdicts: FamilyVerdicts | None, complete: bool) -> Cell:
    """Return the cell of a family. One that was not seen whole never counts as passed."""
    if verdicts is None:
        return Cell("none", NO_RULE)
    waived = f", {verdicts.waived} waived" if verdicts.waived else ""
    unknown = f"{verdicts.unknown} unknown" if verdicts.unknown else ""
    if verdicts.fail:
        return Cell("fail", str(verdicts.fail) + (f", {unknown}" if unknown else ""), verdicts.worst)
    if verdicts.unknown:
        return Cell("unknown", unknown)
    if not verdicts.passed + verdicts.waived:
        return Cell("some", "no verdict")
    if not complete:
        return Cell("some", "passed so far")
    return Cell("pass", f"passed{waived}")


def link(target: Target) -> str | None:
    """Return the relative address of a target's page, else of its first report; None if it has none below here."""
    path = target.reports.get(FORMAT, target.report) or next(iter(target.reports.values()), None)
    return quote(path) if path and is_below(path) else None


def is_below(path: str) -> bool:
    """Return whether a path of a report is relative and stays below the fleet's folder."""
    parts = path.split("/")
    return bool(path) and "\\" not in path and ":" not in path and not {"", ".", ".."} & set(parts)


def severities(target: Target) -> str:
    """Return a target's violations by severity, the worst first: `1 high, 2 low`."""
    counts = target.summary.fail_by_severity if target.summary else {}
    return ", ".join(f"{counts[each]} {each}" for each in reversed(Severity) if counts.get(each))


def figures(target: Target) -> str:
    """Return what a target amounts to: `3 violations: 1 high, 2 low; 4 unknown`; empty if it did not start."""
    summary = target.summary
    if summary is None:
        return ""
    found = plural(summary.fail, "violation") if summary.fail else "no violation"
    if not target.complete:
        found += " so far"
    if not summary.passed + summary.fail + summary.waived:
        found = "nothing could be evaluated"
    by_severity = severities(target)
    inconclusive = summary.unknown + summary.error
    return (found + (f": {by_severity}" if by_severity else "")) + (f"; {inconclusive} unknown" if inconclusive else "")
