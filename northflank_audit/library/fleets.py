"""Audits fleets for other programs."""

import os
from pathlib import Path
from typing import Any

from northflank_audit.cli.fleet_plan import planned
from northflank_audit.errors import StartError
from northflank_audit.fleet.fleet_report import FleetReport
from northflank_audit.fleet.fleet_run import run_fleet
from northflank_audit.fleet.local_workers import ThreadWorkers


def audit_fleet(
    file: str | os.PathLike[str], *, jobs: int = 8, output_dir: str | os.PathLike[str] | None = None
) -> FleetReport:
    """Audit every target of a fleet file, `jobs` at a time in threads of this process, and return the fleet's report.

    It prints nothing and handles no signal. With `output_dir`, each target's reports are written there, into a folder
    of its name; the fleet's own report is only returned. Raises StartError for a mistake in the file; nothing was then
    fetched.
    """
    if jobs < 1:
        raise StartError(f"jobs: expects 1 or more, not {jobs}")
    flags: dict[str, Any] = {"format": ()} if output_dir is None else {}
    plan = planned(os.fspath(file), flags, str(Path(output_dir or "reports").absolute()))
    return run_fleet(plan.jobs, ThreadWorkers(jobs), plan.run_id, lambda _: None)
