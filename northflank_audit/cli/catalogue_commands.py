"""The command `types`."""

import json
from collections.abc import Iterator
from typing import Any

import click

from northflank_audit.printing import say
from northflank_audit.resources import TYPES, ResourceType
from northflank_audit.resources.base import LIST, Part

Json = dict[str, Any]


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
        "within": None if kind.within is None else {"type": kind.within.parent.name, "part": kind.within.part},
        "singular": kind.singular,
        "plural": kind.plural,
        "endpoints": [endpoint(kind, part) for part in kind.sources],
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


def endpoint(kind: ResourceType, part: Part) -> Json:
    """Return an endpoint as JSON shows it."""
    return {
        "part": part.name,
        "path": f"{kind.base}{part.path}",
        "permission": part.permission.name,
        "permissionBefore2026": part.permission.before or part.permission.name,
        "perResource": part.name != LIST or kind.within is not None,
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
