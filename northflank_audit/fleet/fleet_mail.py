"""The mail and the notification about a fleet: the worst targets, and what could not be seen."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from northflank_audit.delivery.mail import Letter
from northflank_audit.fleet.fleet_matrix import Cell, families, figures, rows
from northflank_audit.fleet.fleet_outcome import (
    TargetVerdict,
    by_severity,
    by_verdict,
    fleet_explanation,
    fleet_headline,
    fleet_outcome,
    fleet_subject,
    fleet_title,
    undelivered,
    verdict,
    whose_fleet,
    worst_first,
)
from northflank_audit.fleet.fleet_pages import render_html
from northflank_audit.fleet.fleet_report import FleetReport, Target
from northflank_audit.formats.mailbody import Excerpt, first_few, mail_templates
from northflank_audit.formats.view import Bar

ROWS: Final = 10
"""Targets of each kind that a mail shows."""
MOST: Final = 4
"""Incomplete targets that a notification names; of the violated ones one less, and one failed delivery. So it fits the
2,000 characters of Discord, as `notify.LONGEST_LINE` says."""
_BLIND: Final = (TargetVerdict.NOT_STARTED, TargetVerdict.INCOMPLETE, TargetVerdict.INCONCLUSIVE)


def fleet_letter(report: FleetReport, folder: str) -> Letter:
    """Return the mail about a fleet; the targets' reports are in `folder`."""
    return Letter(
        fleet_subject(report),
        fleet_outcome(report),
        report.run.id,
        report.run.finished_at,
        render_html(report),
        "fleet",
        partial(fleet_text, report, folder),
        partial(fleet_html, report, folder),
    )


def fleet_html(report: FleetReport, folder: str, location: str) -> str:
    """Return the body for mail clients that show HTML; `location` says where the whole report is."""
    return _rendered("fleet-mail.html.j2", report, f"{location} {_targets_in(folder)}", html=True)


def fleet_text(report: FleetReport, folder: str, location: str) -> str:
    """Return the body in plain text; `location` says where the whole report is."""
    return _rendered("fleet-mail.txt.j2", report, f"{location} {_targets_in(folder)}", html=False)


def _targets_in(folder: str) -> str:
    return f"Its links lead to the targets' reports, which are where the audit ran, in the folder {folder}."


def _rendered(template: str, report: FleetReport, location: str, *, html: bool) -> str:
    templates = mail_templates(html=html)
    templates.filters |= {"figures": figures, "open": _open}
    columns = families(report)
    blind, violated = _worst(report)
    return templates.get_template(template).render(
        report=report,
        outcome=fleet_outcome(report),
        headline=fleet_headline(report),
        title=fleet_title(report),
        explanation=fleet_explanation(report),
        whose=whose_fleet(report),
        location=location,
        undelivered=first_few(undelivered(report)),
        verdicts=by_verdict(report),
        bars=[Bar(severity, count, "") for severity, count in by_severity(report).items()],
        families=columns,
        unseen=_excerpt(blind, columns),
        violated=_excerpt(violated, columns),
    )


def _worst(report: FleetReport) -> tuple[list[Target], list[Target]]:
    """Return the targets of which something is unknown, and of the others those that are violated; the worst first."""
    targets = worst_first(report)
    blind = [each for each in targets if verdict(each) in _BLIND]
    return blind, [each for each in targets if verdict(each) is TargetVerdict.VIOLATED]


def _excerpt(targets: Sequence[Target], columns: list[str]) -> Excerpt:
    return Excerpt([*rows(targets[:ROWS], columns)], len(targets[ROWS:]))


def _open(cells: Iterable[Cell], columns: Iterable[str]) -> list[tuple[str, Cell]]:
    """Return the families in which something is violated or unknown."""
    return [(family, cell) for family, cell in zip(columns, cells, strict=True) if cell.is_open]


def note(report: FleetReport, places: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a notification: the verdict, the worst targets, and where the reports are."""
    yield fleet_headline(report) + "."
    yield from (f"Not delivered: {reason}" for reason in undelivered(report)[:1])
    blind, violated = _worst(report)
    for each in blind[:MOST]:
        reason = next(iter(each.incomplete_reasons), figures(each))
        yield f"• {each.name}: {verdict(each)}: {reason}"
    if len(blind) > MOST:
        yield f"… and {len(blind) - MOST} more that could not be audited completely"
    yield from (f"• {each.name}: {figures(each)}" for each in violated[: MOST - 1])
    if len(violated) > MOST - 1:
        yield f"… and {len(violated) - MOST + 1} more that are violated"
    if places:
        yield f"Reports: {', '.join(places)}"
