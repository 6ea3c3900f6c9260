"""Words verdicts: why one is unknown, and the rule's own message."""

import string
from collections.abc import Mapping, Sequence
from typing import Any, Final

from northflank_audit.model import Account, Resource, ResourceName, Rule, whose
from northflank_audit.policy.account_view import AccountView
from northflank_audit.policy.expressions.cel import Expression, Missing, lookup
from northflank_audit.policy.expressions.environment import NO_ADDRESS
from northflank_audit.policy.expressions.field_reads import ACCOUNT, ITEM
from northflank_audit.policy.rule_reads import PROJECT_TYPE, by_collection
from northflank_audit.resources import TYPES, ResourceType
from northflank_audit.resources.paths import dotted

NOT_GIVEN: Final = "the API did not give it"


def lacking(expression: Expression, resource: Resource, missing: Missing, invalid: Mapping[str, str]) -> str:
    """Return what an expression over one record lacked; `invalid` are the reasons why values did not count."""
    if missing.reason == NO_ADDRESS:
        return missing.reason
    fields = _absent(expression, resource, invalid)
    if invalid:
        fields = _about(fields, missing.key) or _within(expression, missing.key) or fields
    return _unknown(fields or _within(expression, missing.key) or [missing.reason], resource.shortfall, invalid)


def lacking_in(
    account: Account, view: AccountView, resource: Resource, expression: Expression, missing: Missing
) -> str:
    """Return why a verdict that needs more than one record is unknown."""
    if missing.reason == NO_ADDRESS:
        return missing.reason
    own = TYPES[resource.type]
    lists = {"resources": own.alias or own.name, "projects": PROJECT_TYPE}
    kind = lists.get(missing.variable) or _list_named(missing.key, account)
    if kind is not None:
        return f"not all {TYPES[kind].plural} of {account} are known ({account.unknown.get(kind, NOT_GIVEN)})"
    invalid = view.uncertainty(resource).invalid
    fields = _about(_absent(expression, resource, invalid), missing.key)
    if fields and (view.is_uncertain(resource) or not view.has_uncertainty):  # otherwise it is rather a doubtful one
        return _unknown(fields, resource.shortfall, invalid)
    return _lacking_elsewhere(view, resource, expression, missing.key)


def _list_named(key: str, account: Account) -> str | None:
    """Return the type whose list below `account` has this name, if the list is not known completely."""
    kind = by_collection().get(key)
    return kind.name if kind is not None and kind.name in account.unknown else None


def _lacking_elsewhere(view: AccountView, resource: Resource, expression: Expression, key: str) -> str:
    """Return that a field of another record is unknown, and why."""
    own = TYPES[resource.type]
    read = [each.path for each in expression.reads_within if len(each.path) > 1]
    kinds = [by_collection()[path[1]].name for path in read if path[0] == ACCOUNT and path[1] in by_collection()]
    kinds += [own.alias or own.name] if any(each.path[0] == "resources" for each in expression.reads_within) else []
    named = [kind for kind in dict.fromkeys(kinds) if any(_ends_with(path, key) for path in TYPES[kind].fields)]
    kind = next(iter(named or kinds), own.name)
    others = [each for each in view.of(kind) if each is not resource]
    invalid = (view.uncertainty(each).invalid for each in others)
    whys = (_why(path, each) for each in invalid for path in each if key in path.split("."))
    why = next(filter(None, whys), "") or next((each.shortfall for each in others if each.shortfall), None)
    whose = "another" if kind == resource.type else "an" if TYPES[kind].singular[:1] in "aeiouAEIOU" else "a"
    return f"{key} of {whose} {TYPES[kind].singular} is not known ({why or NOT_GIVEN})"


def _ends_with(path: str, key: str) -> bool:
    return key in path.replace("[]", "").split(".")


def plural_of(name: str, kind: ResourceType) -> str:
    """Return the plural noun for the items of a variable in rules about a type: `resources`, `account.addons`."""
    if name == "projects":
        return TYPES[PROJECT_TYPE].plural
    collection = by_collection().get(name.removeprefix("account."))
    return collection.plural if collection is not None else TYPES[kind.alias or kind.name].plural


def _within(expression: Expression, key: str) -> list[str]:
    """Return the field of this name that an expression reads of the items of a list, by its path."""
    paths = [read.path for read in expression.reads_within if ITEM in read.path and read.path[-1] == key]
    return [dotted(path[1:]) for path in paths[:1]] or [key] * bool(key)


def _about(fields: Sequence[str], key: str) -> list[str]:
    return [field for field in fields if key in field.split(".")]


def _absent(expression: Expression, resource: Resource, invalid: Mapping[str, str]) -> list[str]:
    """Return the fields that an expression reads and that the record lacks, or has in another form."""
    paths = [path for path in expression.fields if path]
    return [
        ".".join(path) for path in paths if _why(".".join(path), invalid) or not list(lookup(resource.record, path))
    ]


def _why(field: str, invalid: Mapping[str, str]) -> str:
    """Return why the value of a field, or of one above it, does not count."""
    return next((why for path, why in invalid.items() if f"{field}.".startswith(f"{path}.")), "")


def _unknown(fields: Sequence[str], shortfall: str | None, invalid: Mapping[str, str]) -> str:
    """Return that fields are unknown, grouped by reason."""
    whys: dict[str, list[str]] = {}
    for field in fields:
        whys.setdefault(_why(field, invalid) or shortfall or NOT_GIVEN, []).append(field)
    return "; ".join(
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not known ({why})" for why, names in whys.items()
    )


def named(resource: Resource) -> str:
    """Return a resource's name in messages; that of a whole list that could not be read: `all addons of team a`."""
    kind = TYPES[resource.type]
    if kind.listing is None:
        return str(Account(team=resource.team))
    name = ResourceName.of(resource).title or resource.id
    return name or f"all {kind.plural}{whose(resource.team, resource.project)}"


def filled(rule: Rule, resource: Resource) -> str:
    """Return the rule's own message, with its fields filled in."""
    parts = []
    for text, field, _, _ in string.Formatter().parse(rule.message):
        parts.append(text)
        if field is not None:
            value = _value(field, rule, resource)
            parts.append("?" if value is None else _text(value))
    return "".join(parts)


def _value(field: str, rule: Rule, resource: Resource) -> Any:
    """Return the value of a message's field; None if unknown."""
    match field.partition("."):
        case ("params", ".", name):
            return rule.params.get(name)
        case ("name", "", _):
            return named(resource) if resource.name is not None or TYPES[resource.type].listing is None else None
        case (("id" | "team" | "project") as name, "", _):
            return getattr(resource, name)
    path, _, last = field.rpartition(".")
    if last == SIZE:
        value = next(iter(lookup(resource.record, path.split("."))), None)
        return len(value) if isinstance(value, list) else None
    value = next(iter(lookup(resource.record, field.split("."))), None)
    return None if isinstance(value, dict) else value


SIZE: Final = "size"
"""The last step of a message's field for the number of a list's items."""


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
