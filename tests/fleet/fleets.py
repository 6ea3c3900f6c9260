"""Made-up fleets, whose targets differ in everything that a report shows."""

import datetime as dt

from northflank_audit.fleet.fleet_report import (
    FamilyVerdicts,
    FleetReport,
    FleetRun,
    Target,
    not_started,
)
from northflank_audit.model import Severity
from northflank_audit.report import Summary, Tool

END = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
PASSED = FamilyVerdicts(passed=3)
FORBIDDEN = "GET /v1/projects: 403 Forbidden"
UNSET_TOKEN = "token-env: the variable DELTA is not set"


def run(hour=6):
    end = END.replace(hour=hour)
    return FleetRun(id="0123456789abcdef", started_at=end - dt.timedelta(seconds=42), finished_at=end)


def violated(count, worst="high", **counts):
    return FamilyVerdicts(passed=1, fail=count, worst=Severity(worst), **counts)


def target(name, families, reasons=(), code=None, hour=6, **changes):
    """Return a target by its families; it is incomplete if there are reasons."""
    by_severity = {severity.value: 0 for severity in Severity}
    for each in families.values():
        if each.fail:
            by_severity[each.worst] += each.fail
    found = sum(by_severity.values())
    summary = Summary(
        passed=sum(each.passed for each in families.values()),
        fail=found,
        unknown=sum(each.unknown for each in families.values()),
        error=0,
        notapplicable=0,
        waived=sum(each.waived for each in families.values()),
        fail_by_severity=by_severity,
    )
    given = {
        "name": name,
        "exit_code": (3 if reasons else int(found > 0)) if code is None else code,
        "complete": not reasons,
        "summary": summary,
        "incomplete_reasons": list(reasons),
        "report": f"{name}/report.json",
        "reports": {"html": f"{name}/report.html", "json": f"{name}/report.json"},
        "families": families,
        "run": run(hour),
    }
    return Target(**given | changes)


def fleet_of(*targets, hour=6):
    return FleetReport.of(Tool("northflank-audit", "1.0.0"), run(hour), targets)


def unstarted(name="delta", reason=UNSET_TOKEN):
    return not_started(name, reason, run())


def incomplete(name="charlie", *reasons, hour=6):
    families = {"registries": PASSED, "network": violated(1, unknown=2), "data": FamilyVerdicts(unknown=4)}
    return target(name, families, reasons or (FORBIDDEN, "6 verdicts are unknown"), hour=hour)


def mixed():
    """Return a fleet with a target of each verdict."""
    return fleet_of(
        target("alpha", {"registries": FamilyVerdicts(passed=3, waived=1), "network": PASSED}),
        target("bravo", {"registries": violated(2, "critical"), "network": PASSED, "data": violated(1, "low")}),
        incomplete(),
        unstarted(),
        target("echo", {"data": FamilyVerdicts(unknown=2), "network": FamilyVerdicts()}),
    )


def passed(count=1):
    return fleet_of(*(target(f"t{number}", {"data": PASSED}) for number in range(count)))
