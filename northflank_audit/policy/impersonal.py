"""Removes personal data from verdicts before they are worded."""

from msgspec.structs import replace

from northflank_audit.model import Status
from northflank_audit.policy.reasons import lacking
from northflank_audit.policy.verdict import Verdict
from northflank_audit.resources import TYPES
from northflank_audit.resources.personal import HIDDEN, without_personal_data


def reason_of(verdict: Verdict) -> str:
    """Return why a verdict is unknown or an error, for a person."""
    if verdict.seen is None and verdict.decided_by is not None and verdict.missing is not None:
        return lacking(verdict.decided_by, verdict.resource, verdict.missing, verdict.invalid or {})
    return verdict.reason


def impersonal(verdict: Verdict, *, reads: bool) -> Verdict:
    """Return a verdict without personal data, with its reason in words.

    `reads` says whether its rule reads personal data of any resource, which may then be in the reason.
    """
    resource, kind = verdict.resource, TYPES[verdict.resource.type]
    record = without_personal_data(kind, resource.record)
    if record is resource.record and not reads:
        return verdict
    name = record.get(kind.label)
    shown = replace(resource, record=record, name=name if isinstance(name, str) else None)
    reason = _impersonal_reason(verdict) if reads else reason_of(verdict)
    return replace(verdict, resource=shown, reason=reason, missing=None)


def _impersonal_reason(verdict: Verdict) -> str:
    """Return why a verdict is unknown or an error, without the keys and regular expressions that CEL quotes."""
    reason, missing, expression = reason_of(verdict), verdict.missing, verdict.decided_by
    if verdict.status is Status.ERROR:
        said, colon, _ = reason.partition(": ")
        return f"{said}{colon}{HIDDEN}" if colon else reason
    documented = (
        expression is None or any(missing.key in read.path for read in expression.reads_within) if missing else True
    )
    return reason if documented else f"a key of a map is not known: {HIDDEN}"
