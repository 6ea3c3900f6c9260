"""Runs an audit, from its settings to its report."""

import datetime as dt
from collections.abc import Callable

from northflank_audit.audit.comparison import RunComparison
from northflank_audit.audit.deliver import channels, deliver
from northflank_audit.audit.evaluation import TimedEngine, evaluate
from northflank_audit.audit.last_resort import last_resort
from northflank_audit.audit.memory import Memory
from northflank_audit.audit.policy_reading import read_policy
from northflank_audit.audit.report_builder import ReportBuilder
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.run_log import log_outcome, log_start
from northflank_audit.audit.snapshot_collector import SnapshotCollector
from northflank_audit.audit.source_opening import opened
from northflank_audit.config.settings import Settings
from northflank_audit.deadline import Deadline
from northflank_audit.delivery.heartbeat import heartbeat
from northflank_audit.report import Report
from northflank_audit.sources.interface import Source


def run(settings: Settings, progress: Callable[[int], None], run_id: str) -> tuple[Report, list[str], list[str]]:
    """Audit and deliver; return the final report, the paths of the reports, and the receipts.

    `progress` gets the number of resources in each evaluated batch. Raises StartError before anything is fetched.
    """
    with heartbeat(settings.heartbeat) as ended, last_resort(deadline := Deadline(settings.timeout)):
        policy, people, memory = read_policy(settings), channels(settings), Memory(settings.history)
        log_start(policy)
        with opened(settings, deadline) as source:
            past = memory.recall(source)
            report = audit(AuditRequest.of(settings, policy), source, progress, run_id, deadline, past)
        report = memory.record(report, source)
        report, written, receipts = deliver(settings, people, report, deadline, memory.amend)
        ended(report)
    log_outcome(report)
    return report, written, receipts


def audit(
    request: AuditRequest,
    source: Source,
    progress: Callable[[int], None],
    run_id: str = "",
    deadline: Deadline | None = None,
    history: RunComparison | None = None,
) -> Report:
    """Evaluate every resource of the source by every rule, and return the report."""
    started, deadline = dt.datetime.now(dt.UTC), deadline or Deadline()
    now = source.as_of or started
    engine = TimedEngine(request.policy.rules, now, deadline, absent=request.absent, console=request.console_url)
    builder, snapshot = ReportBuilder(request, engine, started, history), SnapshotCollector(request)
    for batch in evaluate(engine, source, request.details):
        builder.add(batch)
        snapshot.add(batch.resources)
        progress(batch.resource_count)
    return builder.report(source, run_id, *snapshot.keep(source, started))
