"""Runs audits and reads reports for other programs."""

import logging
import os

import msgspec
from msgspec.structs import replace

from northflank_audit import jsontext, logs, typed
from northflank_audit.audit.memory import memory_of
from northflank_audit.audit.policy_reading import read_policy
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.run_context import RunContext
from northflank_audit.audit.runner import audit as audit_source
from northflank_audit.audit.source_opening import opened
from northflank_audit.audit.tool import new_run_id
from northflank_audit.deadline import Deadline
from northflank_audit.errors import StartError
from northflank_audit.library.audit_settings import AuditSettings
from northflank_audit.reading import LARGEST_DATA, read_text
from northflank_audit.report import Report

# Without a handler, Python prints warnings to standard error; the program decides where they go.
logging.getLogger(logs.LOGGER).addHandler(logging.NullHandler())


def audit(settings: AuditSettings) -> Report:
    """Audit, and return the report.

    It prints nothing, writes nothing except what `save_snapshot` and `history` name, handles no signal, and may be
    called again and from any thread. An audit that could not see everything returns a report, too: its `run.complete`
    is False, its `exit_code` 3. Raises StartError where the audit could not start; nothing was then fetched.
    """
    run = settings.checked()
    deadline = Deadline(run.timeout)
    policy = read_policy(run)
    memory = memory_of(run.history)
    with opened(run, deadline, RunContext(token=settings.given_token())) as source:
        request = AuditRequest.of(run, policy, memory.recall(source))
        report = audit_source(request, source, lambda _count: None, new_run_id(), deadline)
    report = memory.record(report, source)
    return report if isinstance(report.results, list) else replace(report, results=list(report.results))


def read_report(path: str | os.PathLike[str]) -> Report:
    """Read a report.json of this tool. Raises StartError where the file is something else or cannot be read."""
    name = os.fspath(path)
    text = read_text(name, largest=LARGEST_DATA)
    try:
        return typed.convert(jsontext.decode(text.encode()), Report)
    except (jsontext.InvalidJSON, msgspec.ValidationError) as error:
        raise StartError(f"{name}: not a report.json of this tool ({error})") from None
