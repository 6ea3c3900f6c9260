"""Logs how a run ended."""

import logging

from northflank_audit.formats.headline import headline, outcome
from northflank_audit.report import Report

log = logging.getLogger(__name__)


def log_outcome(report: Report) -> None:
    """Log how the run ended, with fields on which a program can alert."""
    came = {
        "outcome": outcome(report),
        "exitCode": report.exit_code,
        "violations": report.summary.fail,
        "unknown": report.summary.unknown + report.summary.error,
        "reasons": report.run.incomplete_reasons,
    }
    level = logging.INFO if report.run.complete else logging.ERROR
    log.log(level, "%s; exit code %d", headline(report), report.exit_code, extra=came)
