"""Runs a fleet, from its targets to its report."""

import datetime as dt
from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType

from northflank_audit.audit.tool import TOOL
from northflank_audit.fleet.dispatch import Workers, outcomes
from northflank_audit.fleet.fleet_report import FleetReport, FleetRun, Shard, Target
from northflank_audit.fleet.job import Job
from northflank_audit.fleet.shared import forget

Watch = Callable[[Target], None]
"""Called with each target that has ended."""


def run_fleet(
    jobs: Sequence[Job], workers: Workers, run_id: str, watch: Watch, shard: Shard | UnsetType = UNSET
) -> FleetReport:
    """Run all targets, and return the fleet's report. `shard` says which part of a fleet they are."""
    started = dt.datetime.now(dt.UTC)
    targets = []
    try:
        for target in outcomes(jobs, workers):
            targets.append(target)
            watch(target)
    finally:
        forget(run_id)
    run = FleetRun(id=run_id, started_at=started, finished_at=dt.datetime.now(dt.UTC))
    return FleetReport.of(TOOL, run, targets, shard)
