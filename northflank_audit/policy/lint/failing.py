"""Finds expressions that fail on every record."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from northflank_audit.policy.expressions import field_reads
from northflank_audit.policy.expressions.cel import Expression, Failed, evaluated, pattern_problem
from northflank_audit.policy.expressions.compile_errors import Problem
from northflank_audit.policy.rule_reads import RESOURCES, by_collection
from northflank_audit.resources import TYPES, Kind, ResourceType
from northflank_audit.resources.paths import stepped

_NOW: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_VALUES: Final[Mapping[Kind, Sequence[Any]]] = {
    Kind.TEXT: ("a", "https://a.example/a", "1", "2025-06-01T00:00:00Z", "1h", "a"),
    Kind.BOOLEAN: (True, False),
    Kind.NUMBER: (1, 0, 1.5),
    Kind.LIST: (["a"], [], ["a", "b"]),
    Kind.TIME: ("2025-06-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    Kind.MAP: ({},),
}
_ANY: Final[Sequence[Any]] = (
    True,
    "a",
    1,
    ["a"],
    1.5,
    {},
    "2025-06-01T00:00:00Z",
    "1h",
    "https://a.example/a",
    [{}],
    ["a", "b"],
    [1],
)
"""Possible values of an undocumented field."""
_TRIES: Final = 48
_DOCUMENTED_ERRORS: Final = ("gave ", "Applying SELECT")
"""Errors for which another warning names the field."""
_DAYS: Final = "; durations have h, m and s, and no days: 24h"


def failures(expression: Expression, params: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield why an expression fails on every record, with these parameters, if it does."""
    parts = list(_failing_parts(expression, params))
    yield from parts
    if parts:
        return
    reason = ""
    for record in islice(_records(expression), _TRIES):
        outcome = expression.evaluate(_variables(expression, record, params))
        if not isinstance(outcome, Failed) or outcome.reason.startswith(_DOCUMENTED_ERRORS):
            return
        reason = reason or outcome.reason
    yield Problem(f"this fails on every record: {reason.strip()}", 0, len(expression.source.rstrip()))


def _variables(expression: Expression, record: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    records = [record, {**record, "id": "b"}]
    account = _account() if "account" in expression.account_variables else {}
    shared = {"account": account, "resources": records, "projects": ["a"], "params": params, "now": _NOW}
    return {**shared, **({expression.variable: record, "detailed": True} if expression.variable else {})}


@lru_cache
def _account() -> dict[str, list[dict[str, Any]]]:
    """Return an account with one resource of each type."""
    return {name: _samples(kind) for name, kind in by_collection().items()}


def _samples(kind: ResourceType) -> list[dict[str, Any]]:
    record: dict[str, Any] = {}
    for path, field in sorted(kind.fields.items()):
        _put(record, stepped(path), _VALUES[field.kind][0])
    return [record]


def _records(expression: Expression) -> Iterator[dict[str, Any]]:
    """Yield records with every field that may decide, documented or read, with varying values of its kind."""
    kind = TYPES[expression.resource_type]
    paths = dict(_documented(kind.name))
    for path in expression.fields:
        if path and path not in paths:
            paths[path] = _ANY
    keys = None if RESOURCES in expression.account_variables else expression.record_keys
    deciding = [each for each in sorted(paths.items()) if keys is None or each[0][0] in keys]
    for number in range(_TRIES):
        record: dict[str, Any] = {}
        for place, (path, values) in enumerate(deciding):
            # Each field varies at its own pace, so that values occur in many combinations.
            _put(record, path, values[(number // (1 + place % 3)) % len(values)])
        yield record


@lru_cache
def _documented(name: str) -> Mapping[tuple[str, ...], Sequence[Any]]:
    """Return example values of a type's documented fields by their steps, except those that have subfields."""
    kind = TYPES[name]
    return {stepped(path): _VALUES[field.kind] for path, field in kind.fields.items() if path not in kind.containers}


def _put(record: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Put a value at a path; a step `[]` is the one item of a list."""
    name, *rest = path
    if not rest:
        record.setdefault(name, dict(value) if isinstance(value, dict) else value)
    elif rest == ["[]"]:
        record.setdefault(name, [dict(value) if isinstance(value, dict) else value])
    elif rest[0] == "[]":
        items = record.setdefault(name, [{}])
        if isinstance(items, list) and items and isinstance(items[0], dict):
            _put(items[0], rest[1:], value)
    else:
        below = record.setdefault(name, {})
        if isinstance(below, dict):
            _put(below, rest, value)


def _failing_parts(expression: Expression, params: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the calls that fail for every record: those of constants, and patterns that do not compile."""
    for raw, names, offset in field_reads.calls(expression.serialized):
        call = field_reads.fields(field_reads.last(field_reads.fields(raw), field_reads.CALL))
        function = field_reads.last(call, 2).decode()
        if function == "matches":
            pattern = field_reads.raw((call[3] if 1 in call else call[3][1:])[0])
            inner = field_reads.roots(pattern)
            problem = _pattern(expression, pattern, params) if inner <= {"params"} else ""
        elif not names:
            outcome = evaluated(expression, raw, {})
            problem = outcome.reason.strip() if isinstance(outcome, Failed) else ""
            problem += _DAYS if problem and function == "duration" else ""
        elif function == "duration" and names == {"params"}:
            outcome = evaluated(expression, raw, {"params": params})
            negative = isinstance(outcome, dt.timedelta) and outcome < dt.timedelta()
            problem = "the duration is negative" if negative else ""
        else:
            continue
        if problem:
            start = max(0, expression.source.rfind(function, 0, offset + 1))
            yield Problem(f"this fails: {problem}", start, len(function))


def _pattern(expression: Expression, pattern: bytes, params: Mapping[str, Any]) -> str:
    """Return why a pattern does not compile; empty if it does, or is not a pattern."""
    text = evaluated(expression, pattern, {"params": params})
    return pattern_problem(text) if isinstance(text, str) else ""
