"""Verdicts in words: why one is unknown, and what a rule's own message says."""

import string
from collections.abc import Mapping, Sequence
from typing import Any, Final

from northflank_audit.model import ACCOUNT_TYPE, Account, Resource, ResourceName, Rule
from northflank_audit.policy.expressions.cel import Expression, Missing, lookup
from northflank_audit.policy.expressions.environment import NO_ADDRESS
from northflank_audit.policy.kinds import Doubt

NOT_GIVEN: Final = "the API did not give it"


def lacking(expression: Expression, resource: Resource, missing: Missing, odd: Mapping[str, str]) -> str:
    """Return what an expression lacked that reads one record; `odd` are the reasons why a value did not count."""
    if missing.reason == NO_ADDRESS:
        return missing.reason
    fields = _absent(expression, resource, odd)
    if odd:
        fields = _about(fields, missing.key) or fields
    return _unknown(fields or [missing.key or missing.reason], resource.shortfall, odd)


def lacking_in(
    account: Account,
    resources: Sequence[Resource],
    resource: Resource,
    expression: Expression,
    missing: Missing,
    doubts: Mapping[str, Doubt],
) -> str:
    """Return what kept a verdict from being given that needs more than one record; `doubts` are by resources' ids."""
    if missing.reason == NO_ADDRESS:
        return missing.reason
    match missing.variable:
        case "resources":
            return f"not all credentials of {account} are known ({account.unknown['resources']})"
        case "projects":
            return f"the projects of {account} are not known ({account.unknown['projects']})"
    odd = doubts[resource.id].odd if resource.id in doubts else {}
    fields = _about(_absent(expression, resource, odd), missing.key)
    if fields and (resource.id in doubts or not doubts):  # else it is rather one that is in doubt
        return _unknown(fields, resource.shortfall, odd)
    others = [each for each in resources if each is not resource]
    whys = (_why(path, doubts[each.id].odd) for each in others if each.id in doubts for path in doubts[each.id].odd
            if missing.key in path.split("."))  # fmt: skip
    why = next(filter(None, whys), "") or next((each.shortfall for each in others if each.shortfall), None)
    whose = "a" if resource.type == ACCOUNT_TYPE else "another"
    return f"{missing.key} of {whose} credential is not known ({why or NOT_GIVEN})"


def _about(fields: Sequence[str], key: str) -> list[str]:
    return [field for field in fields if key in field.split(".")]


def _absent(expression: Expression, resource: Resource, odd: Mapping[str, str]) -> list[str]:
    """Return the fields that an expression reads and that the resource's record does not have, or not as documented."""
    paths = [path for path in expression.fields if path]
    return [".".join(path) for path in paths if _why(".".join(path), odd) or not list(lookup(resource.record, path))]


def _why(field: str, odd: Mapping[str, str]) -> str:
    """Return why the value of a field, or of one above it, does not count."""
    return next((why for path, why in odd.items() if f"{field}.".startswith(f"{path}.")), "")


def _unknown(fields: Sequence[str], shortfall: str | None, odd: Mapping[str, str]) -> str:
    """Say that fields are not known: those together that have the same reason."""
    whys: dict[str, list[str]] = {}
    for field in fields:
        whys.setdefault(_why(field, odd) or shortfall or NOT_GIVEN, []).append(field)
    return "; ".join(f"{' and '.join(names)} is not known ({why})" for why, names in whys.items())


def named(resource: Resource) -> str:
    """Return what a message calls a resource."""
    return (
        str(Account(team=resource.team))
        if resource.type == ACCOUNT_TYPE
        else ResourceName.of(resource).title or resource.id
    )


def filled(rule: Rule, resource: Resource) -> str:
    """Return the rule's own message, its fields filled in."""
    values: dict[str, Any] = {
        "id": resource.id,
        "name": named(resource) if resource.name is not None or resource.type == ACCOUNT_TYPE else None,
        "provider": resource.record.get("provider"),
        "team": resource.team,
    }
    parts = []
    for text, field, _, _ in string.Formatter().parse(rule.message):
        parts.append(text)
        if field is not None:
            key = field.removeprefix("params.")
            value = values.get(field) if key == field else rule.params.get(key)
            parts.append("?" if value is None else _text(value))
    return "".join(parts)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
