"""The commands about resource types: types, plan."""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from northflank_audit.cli.options import policy_options, source_options
from northflank_audit.config.policy import select_rules
from northflank_audit.policy.needs import needs
from northflank_audit.printing import say
from northflank_audit.resources import TYPES, ResourceType, Scope
from northflank_audit.resources.base import LIST, Part

if TYPE_CHECKING:
    from northflank_audit.resources.needs import Needs

Json = dict[str, Any]
_WHERE: Final = {
    Scope.PROJECT: "in each project",
    Scope.ACCOUNT: "in each account",
    Scope.TEAM: "in each team",
    Scope.ORGANISATION: "in the organisation",
    Scope.TOKEN: "once",
    Scope.WHOLE: "",
}
OWN = "the token's own account"


@click.command("types")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def types_command(*, as_json: bool) -> None:
    """List the resource types with their endpoints, permissions and fields."""
    if as_json:
        say(json.dumps({"types": [_described(kind) for kind in TYPES.values()]}, indent=2))
        return
    say("\n\n".join("\n".join(_lines(kind)) for kind in TYPES.values()))


def _described(kind: ResourceType) -> Json:
    return {
        "type": kind.name,
        "variable": kind.variable,
        "collection": kind.collection or None,
        "scope": kind.scope.value,
        "singular": kind.singular,
        "plural": kind.plural,
        "endpoints": [_endpoint(kind, part) for part in kind.sources],
        "neverCalled": list(kind.never),
        "fields": [
            {
                "path": field.path,
                "kind": field.kind.value,
                "values": list(field.values),
                "parts": sorted(kind.giving(steps(field.path))),
                "nullHasMeaning": field.null,
                "personal": field.personal,
            }
            for field in kind.fields.values()
        ],
    }


def steps(path: str) -> tuple[str, ...]:
    """Return the steps of a path as expressions read it: `ports[].public` is `ports`, `[]`, `public`."""
    return tuple(path.replace("[]", ".[]").split("."))


def _endpoint(kind: ResourceType, part: Part) -> Json:
    return {
        "part": part.name,
        "path": f"{kind.base}{part.path}",
        "permission": part.permission.name,
        "permissionBefore2026": part.permission.before or part.permission.name,
        "perResource": part.name != LIST,
    }


def _lines(kind: ResourceType) -> Iterator[str]:
    yield click.style(kind.name, bold=True) + f"  {kind.plural}; in expressions: {kind.variable}"
    for part in kind.sources:
        yield f"  {part.name:<16} GET {kind.base}{part.path}"
        yield f"  {'':<16} needs {part.permission}"
    for path in kind.never:
        yield f"  {'never called':<16} {kind.base}{path}"
    for field in kind.fields.values():
        values = f": {', '.join(field.values)}" if field.values else ""
        yield f"    {field.path}  ({field.kind.value}{values})"


@click.command("plan")
@source_options
@policy_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan_command(*, as_json: bool, **given: Any) -> None:
    """Say what an audit by the selected rules asks the API for. Sends no request."""
    rules = select_rules(given["rules"], given["rule"], given["skip_rule"], given["config"])
    needed = needs(rules)
    accounts = ["every team of the organisation"] if given["all_teams"] else list(given["team"])
    if as_json:
        say(json.dumps(_plan(needed, given["team"], all_teams=given["all_teams"]), indent=2))
        return
    say(f"accounts: {', '.join(accounts or [OWN])}")
    say("\n".join(_planned(needed)))


def _plan(needed: "Needs", teams: Iterable[str], *, all_teams: bool) -> Json:
    return {
        "accounts": {"teams": list(teams), "allTeams": all_teams},
        "types": [
            {
                "type": name,
                "parts": [{**_endpoint(TYPES[name], part), "rules": list(ids)} for part, ids in _parts(needed, name)],
            }
            for name in needed.types
        ],
        "permissions": permissions(needed),
    }


def permissions(needed: "Needs") -> list[str]:
    """Return the permissions that reading all this takes, each once, by their present names."""
    names = (part.permission.name for name in needed.types for part, _ in _parts(needed, name))
    return list(dict.fromkeys(filter(None, names)))


def _parts(needed: "Needs", name: str) -> Iterator[tuple[Part, tuple[str, ...]]]:
    for part in TYPES[name].sources:
        ids = needed.parts[name].get(part.name)
        if ids is not None:
            yield part, ids


def _planned(needed: "Needs") -> Iterator[str]:
    for name in needed.types:
        kind = TYPES[name]
        where = _WHERE[kind.scope]
        yield ""
        yield click.style(name, bold=True) + f"  {where}"
        for part, ids in _parts(needed, name):
            often = (
                "each page" if part.name == LIST else f"each {kind.singular} on which a rule is not settled without it"
            )
            yield f"  GET {kind.base}{part.path}  ({part.name}: {often})"
            yield f"      needs {part.permission}"
            yield f"      for {', '.join(ids)}"
    yield ""
    yield "permissions:"
    yield from (f"  {each}" for each in permissions(needed))
