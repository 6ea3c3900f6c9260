"""Runs one target in this process, beside others."""

import datetime as dt
import logging
import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace as with_changes

from northflank_audit import __version__, logs
from northflank_audit.audit import runner
from northflank_audit.audit.last_resort import last_resort
from northflank_audit.audit.run_context import RunContext
from northflank_audit.audit.tool import new_run_id
from northflank_audit.config.settings import checked_token
from northflank_audit.errors import AuditError, StartError
from northflank_audit.fleet.fleet_report import INCOMPLETE, FleetRun, Target, not_started, target_of
from northflank_audit.fleet.job import Job
from northflank_audit.fleet.shared import shared
from northflank_audit.northflank.token import Token
from northflank_audit.report import Report

log = logging.getLogger(__name__)

Bounded = Callable[[float], AbstractContextManager[None]]
"""Ends the process if a run with this `--timeout` does not end."""
HasRead = Callable[[], None]
"""Called when a target has read what it needs from its source."""


def run_target(job: Job, has_read: HasRead) -> Target:
    """Run a target in a process of its own kind, which ends if the target does not."""
    return run_here(job, last_resort, has_read)


class Delivered(NamedTuple):
    """The outcome of a target, with its reports."""

    target: Target
    reports: dict[str, bytes]
    """Their contents, by the paths of `Target.reports`."""
    saw_nothing: bool
    """Whether the run was incomplete and saw nothing of the account."""


def run_elsewhere(job: Job) -> Delivered:
    """Run a target on a machine that may lack the folder of reports."""
    with TemporaryDirectory(prefix="northflank-audit-") as folder:
        settings = with_changes(job.settings, output_dir=str(Path(folder) / job.name))
        target, report = _run(
            replace(job, settings=settings, folders=(*job.folders, folder)), last_resort, lambda: None
        )
        reports = {path: (Path(folder) / path).read_bytes() for path in target.reports.values()}
        return Delivered(target, reports, saw_nothing=report is not None and report.run.has_gaps and report.saw_nothing)


def run_here(job: Job, bounded: Bounded = lambda _: nullcontext(), has_read: HasRead = lambda: None) -> Target:
    """Run a target in this thread, and return its outcome, whatever happens."""
    return _run(job, bounded, has_read)[0]


def _run(job: Job, bounded: Bounded, has_read: HasRead) -> tuple[Target, Report | None]:
    started, run_id = dt.datetime.now(dt.UTC), new_run_id()
    try:
        with bounded(job.settings.timeout):
            return _target(job, run_id, has_read)
    except AuditError as error:
        reason, code = str(error), error.exit_code
    except Exception as error:  # noqa: BLE001 - whatever it is, the other targets still run
        logs.trace(log, error)
        reason, code = f"internal error: {type(error).__name__}; run it alone with --verbose to see where", INCOMPLETE
    return not_started(job.name, _brief(reason, job), _ended(run_id, started), code), None


def _target(job: Job, run_id: str, has_read: HasRead) -> tuple[Target, Report]:
    if job.version != __version__:
        raise StartError(f"this worker has version {__version__} of northflank-audit, not {job.version}")
    settings, common = job.settings, shared(job.fleet)
    with ExitStack() as stack:

        def done() -> None:
            stack.close()
            has_read()

        context = RunContext(rules=common.rules, environment=common.environment, target=job.name, has_read=done)
        if not (settings.input or settings.demo):
            token = _token(job, os.environ)
            adapter = stack.enter_context(common.connections(settings.api_url))
            limit = common.limit(settings.api_url, token)
            context = replace(context, token=token, limit=limit, adapter=adapter)
        report, written, _ = runner.run(settings, lambda _count: None, run_id, context)
    reports = {
        name: f"{job.name}/{Path(path).name}" for name, path in settings.output_dir_destinations if path in written
    }
    run = FleetRun(id=run_id, started_at=report.run.started_at, finished_at=report.run.finished_at)
    target = target_of(job.name, report, reports, run)
    return _briefly(target, job), report


def _token(job: Job, environment: Mapping[str, str]) -> Token:
    """Return the token of a target. Raises StartError without one."""
    name = job.token_variable
    if name is None:
        return job.settings.token(environment)
    if not environment.get(name, "").strip():
        raise StartError(f"no API token: the environment variable {name} (token-env) is not set, or is empty")
    return checked_token(environment[name], f"the environment variable {name}")


def _ended(run_id: str, started: dt.datetime) -> FleetRun:
    return FleetRun(id=run_id, started_at=started, finished_at=dt.datetime.now(dt.UTC))


def _brief(reason: str, job: Job) -> str:
    """Return a reason without the folders of the fleet, which are different on each machine."""
    for folder in sorted(job.folders, key=len, reverse=True):  # one may be within the other
        reason = re.sub(rf"(?<![\w.~/\\-]){re.escape(folder + os.sep)}", "", reason)
    return reason


def _briefly(target: Target, job: Job) -> Target:
    return with_changes(target, incomplete_reasons=[_brief(each, job) for each in target.incomplete_reasons])
