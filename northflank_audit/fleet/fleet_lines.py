"""The fleet's summary on the terminal: the verdict first, then the worst targets."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final

import click

from northflank_audit.fleet.fleet_matrix import figures
from northflank_audit.fleet.fleet_outcome import (
    TargetVerdict,
    by_severity,
    by_verdict,
    fleet_headline,
    fleet_outcome,
    undelivered,
    verdict,
    violations,
    worst_first,
)
from northflank_audit.fleet.fleet_report import FleetReport, Target
from northflank_audit.formats.headline import Outcome
from northflank_audit.formats.text import plural
from northflank_audit.printable import printable, shortened

MOST: Final = 20
"""Targets that are listed; the report has them all."""
LONGEST: Final = 300
"""Characters of a reason that are shown."""
_PAGE: Final = "fleet.html"
_OUTCOMES: Final = {
    Outcome.VIOLATED: "red",
    Outcome.PASSED: "green",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.INCOMPLETE: "yellow",
}
_VERDICTS: Final = {TargetVerdict.VIOLATED: "red", TargetVerdict.PASSED: "green"}
"""The colours of verdicts; the others are yellow."""


def lines(report: FleetReport, written: Sequence[str], receipts: Sequence[str] = ()) -> list[str]:
    """Return the summary, line by line, with colours for click to keep or to strip."""
    return list(_lines(report, written, receipts))


def _lines(report: FleetReport, written: Sequence[str], receipts: Sequence[str]) -> Iterator[str]:
    word = fleet_outcome(report)
    yield click.style(f"{word}  {fleet_headline(report)}", fg=_OUTCOMES[word], bold=True)
    for reason in undelivered(report):
        yield click.style(f"  not delivered: {printable(reason)}", fg="yellow")
    listed = [each for each in worst_first(report) if verdict(each) is not TargetVerdict.PASSED]
    if listed:
        yield ""
        width = max(len(each.name) for each in listed[:MOST])
        yield from (_target(each, width) for each in listed[:MOST])
    if len(listed) > MOST:
        yield f"… and {len(listed) - MOST} more, in {_where(written)}"
    yield ""
    yield _sum(report)
    if written:
        yield f"reports: {'  '.join(map(printable, written))}"
    yield from map(printable, receipts)
    yield f"exit code {report.exit_code}"


def _target(target: Target, width: int) -> str:
    """Return a target's line: its verdict, its name, the first reason, and its violations by severity."""
    word = verdict(target)
    reasons = target.incomplete_reasons
    more = f" (and {plural(len(reasons) - 1, 'more reason')})" if len(reasons) > 1 else ""
    said = [shortened(printable(each), LONGEST) + more for each in reasons[:1]]
    said += [figures(target)] if target.summary else []
    label = click.style(f"{word:<12}", fg=_VERDICTS.get(word, "yellow"), bold=True)
    return f"{label}  {target.name:<{width}}  {'; '.join(said)}"


def _sum(report: FleetReport) -> str:
    counts = [f"{count} {word}" for word, count in by_verdict(report).items()]
    severities = [f"{count} {severity}" for severity, count in by_severity(report).items() if count]
    found = violations(report)
    by = f" ({', '.join(severities)})" if severities else ""
    return f"{plural(len(report.targets), 'target')}: {', '.join(counts)}; {plural(found, 'violation')}{by}"


def _where(written: Sequence[str]) -> str:
    """Return where all targets are listed."""
    pages = [each for each in written if PurePath(each).name == _PAGE]
    return printable(next(iter([*pages, *written]), "the reports"))
