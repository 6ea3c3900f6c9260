"""Runs an audit, from its settings to its report."""

import datetime as dt
import math

from northflank_audit.audit.deliver import channels, deliver
from northflank_audit.audit.evaluation import evaluate
from northflank_audit.audit.memory import memory_of
from northflank_audit.audit.outcome_log import log_outcome
from northflank_audit.audit.policy_reading import read_policy
from northflank_audit.audit.report_builder import ReportBuilder
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.run_context import ALONE, RunContext, Watch
from northflank_audit.audit.snapshot_collector import SnapshotCollector
from northflank_audit.audit.source_opening import opened
from northflank_audit.audit.timed_engine import TimedEngine
from northflank_audit.config.settings import Settings
from northflank_audit.deadline import Deadline
from northflank_audit.delivery.heartbeat import heartbeat
from northflank_audit.report import Report
from northflank_audit.sources.interface import Source


def run(
    settings: Settings, watch: Watch, run_id: str, context: RunContext = ALONE
) -> tuple[Report, list[str], list[str]]:
    """Audit, write the reports, and return the final report, the paths that were written, and the receipts.

    Raises StartError before anything is fetched or written.
    """
    with heartbeat(settings.heartbeat) as ended:
        deadline, policy = Deadline(settings.timeout), read_policy(settings, context.rules)
        people, memory = channels(settings, context.environment), memory_of(settings.history, context.target)
        with opened(settings, deadline, context) as source:
            request = AuditRequest.of(settings, policy, memory.recall(source))
            report = audit(request, source, watch, run_id, deadline)
        context.has_read()
        report = memory.record(report, source)
        report, written, receipts = deliver(settings, people, report, deadline, memory.amend, context.environment)
        ended(report)
    log_outcome(report)
    return report, written, receipts


def audit(
    request: AuditRequest, source: Source, watch: Watch, run_id: str = "", deadline: Deadline | None = None
) -> Report:
    """Evaluate every resource of the source by every rule, and return the report."""
    started = dt.datetime.now(dt.UTC)
    now, deadline = source.as_of or started, deadline or Deadline(math.inf)
    engine = TimedEngine.of(request, now, deadline)
    builder = ReportBuilder(request, engine, started)
    with SnapshotCollector(request) as snapshot:
        source.narrow(() if engine.account_scoped or snapshot.wanted else request.projects)
        for batch in evaluate(engine, source, request.details):
            builder.add(batch)
            snapshot.add(batch.resources)
            watch(batch.resource_count)
        return builder.report(source, run_id, *snapshot.keep(source, started))
