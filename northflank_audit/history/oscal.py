"""Writes evidence as OSCAL assessment results (NIST, version 1.1.3).

It has one result for each set of accounts.

Source: NIST's OSCAL assessment results model, https://pages.nist.gov/OSCAL-Reference/models/v1.1.3/assessment-results/.
"""

import re
import uuid
from typing import Any, Final

import msgspec

from northflank_audit.controls import ControlVerdict
from northflank_audit.history.evidence import ControlPeriod, Evidence, FindingEvidence

VERSION: Final = "1.1.3"
_SPACE: Final = uuid.UUID("6f2d1f0e-8f57-5c0f-9d0b-3f3c1a4f5b10")
"""The namespace of our identifiers, which are the same for the same evidence."""
_ENHANCEMENT: Final = re.compile(r"\(([0-9]+)\)")
_TOKEN: Final = re.compile(r"[^A-Za-z0-9._-]+")
_STATES: Final = {
    ControlVerdict.MET: ("satisfied", "pass"),
    ControlVerdict.NOTMET: ("not-satisfied", "fail"),
    ControlVerdict.WAIVED: ("not-satisfied", "other"),
    ControlVerdict.NOTKNOWN: ("not-satisfied", "other"),
}


def assessment_results(pack: Evidence) -> str:
    """Return the document as JSON, without undecided controls."""
    accounts = sorted({each.account for each in pack.controls}) or [each.label for each in pack.accounts]
    document = {
        "assessment-results": {
            "uuid": _id(pack, "document"),
            "metadata": {
                "title": f"Northflank audit, {pack.begin} to {pack.end}",
                "last-modified": _time(pack.made_at),
                "version": pack.version,
                "oscal-version": VERSION,
            },
            "import-ap": {
                "href": "#",
                "remarks": "No separate assessment plan exists: the rules that ran are the plan.",
            },
            "results": [_result(pack, account) for account in accounts],
        }
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _result(pack: Evidence, account: str) -> dict[str, Any]:
    last = [each for each in pack.controls if each.account == account and each.last]
    decided = [each for each in last if each.verdict in _STATES]
    found = [each for each in pack.findings if each.life.account.label in account.split(", ")]
    ids = sorted({control_id(each) for each in last})
    return {
        "uuid": _id(pack, f"result {account}"),
        "title": f"Account {account}",
        "description": " ".join(pack.limits),
        "start": f"{pack.begin}T00:00:00Z",
        "end": f"{pack.end}T23:59:59Z",
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": each} for each in ids]}]
            if ids
            else [{"include-all": {}}]
        },
        **_some("observations", [_observation(pack, each) for each in found]),
        **_some("findings", [_finding(pack, each, found) for each in decided]),
    }


def _some(name: str, items: list[Any]) -> dict[str, Any]:
    """Return a list under its name; the model does not allow empty ones."""
    return {name: items} if items else {}


def _observation(pack: Evidence, found: FindingEvidence) -> dict[str, Any]:
    result = found.life.finding
    ended = "open" if found.resolved is None else f"{found.became} at {_time(found.resolved)}"
    waiver = found.life.waiver
    accepted = (
        f"; accepted by {waiver.owner} until {waiver.expires}: {waiver.reason}" if waiver and found.waived else ""
    )
    return {
        "uuid": _observed(pack, found),
        "title": result.rule_id,
        "description": result.message,
        "methods": ["TEST"],
        "types": ["finding"],
        "collected": _time(found.found),
        "remarks": f"{result.severity}, fingerprint {result.fingerprint}; {ended}{accepted}",
    }


def _finding(pack: Evidence, control: ControlPeriod, found: list[FindingEvidence]) -> dict[str, Any]:
    state, reason = _STATES[control.verdict]
    rules = set(control.rules)
    related = [{"observation-uuid": _observed(pack, each)} for each in found if each.life.finding.rule_id in rules]
    return {
        "uuid": _id(pack, f"finding {control.account} {control.framework} {control.control}"),
        "title": f"{control.title} {control.control}",
        "description": f"{control.verdict} since {_time(control.begin)}, in {control.runs} runs",
        "target": {
            "type": "objective-id",
            "target-id": control_id(control),
            "status": {"state": state, "reason": reason},
        },
        **_some("related-observations", related),
    }


def control_id(control: ControlPeriod) -> str:
    """Return a control's id in OSCAL's form: `AC-6(1)` of NIST SP 800-53 is `ac-6.1`, others name the framework."""
    text = _ENHANCEMENT.sub(r".\1", control.control)
    if control.framework == "nist-800-53":
        return _TOKEN.sub("-", text).lower()
    return _TOKEN.sub("-", f"{control.framework}_{text}")


def _observed(pack: Evidence, found: FindingEvidence) -> str:
    return _id(pack, f"observation {found.life.account.label} {found.life.finding.fingerprint} {found.found}")


def _id(pack: Evidence, name: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{pack.begin} {pack.end} {name}"))


def _time(time: Any) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"
