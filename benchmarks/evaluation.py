"""Measures rules in process: with and without unknowns, and what compiling them takes."""

import datetime as dt
import json
import time

from measuring import compared, credentials, show

from northflank_audit.model import Resource, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.rules.rulebook import load

RULES = [
    "credential.restrictions.restricted",
    "credential.provider in ['github', 'dockerhub']",
    "credential.name != 'credential 7'",
    "credential.description != ''",
    "size(credential.restrictions.projects) < 6",
]


def engine() -> Engine:
    entries = [{"id": f"r{n}", "title": "t", "severity": "low", "require": rule} for n, rule in enumerate(RULES)]
    return Engine(load([("rules", json.dumps({"rules": entries}))]), dt.datetime.now(dt.UTC))


def resources(records: list[dict[str, object]]) -> list[Resource]:
    return [Resource(id=str(each["id"]), name=None, team=None, record=each) for each in records]


def evaluated(engine: Engine, resources: list[Resource], status: Status = Status.PASS) -> tuple[float, int]:
    """Return the processor seconds of an evaluation, and how many verdicts have a status."""
    start = time.process_time()
    count = sum(verdict.status is status for verdict in engine.evaluate(resources))
    return time.process_time() - start, count


def unknowns(_folder: str) -> None:
    """Show what it costs that one record in ten lacks a field, which three rules read."""
    records = credentials(20_000)
    lacking = [
        {key: value for key, value in record.items() if number % 10 != 3 or key not in ("description", "restrictions")}
        for number, record in enumerate(records)
    ]
    whole, gaps, one = resources(records), resources(lacking), engine()
    if (count := evaluated(one, gaps, Status.UNKNOWN)[1]) != 6_000:
        raise SystemExit(f"{count} verdicts are unknown, not 6,000")
    other = engine()
    mine, theirs, ratio = compared(lambda: evaluated(one, gaps)[0], lambda: evaluated(other, whole)[0])
    show("five rules over 20,000 credentials, one in ten with unknowns, against none", mine, theirs, ratio, "≤ 2")
