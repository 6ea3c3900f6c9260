"""An account in which every declared secret is planted, in lists too, and repeated in what people write."""

from itertools import count
from typing import Any

from northflank_audit.emulator.endpoints import Endpoint, built_in
from northflank_audit.resources import TYPES, Kind, ResourceType, Scope
from northflank_audit.resources.base import DETAIL, LIST


def account() -> dict[str, Any]:
    """Return an account file with two items of each type, whose lists show all that their details do."""
    number = count(1)
    project: dict[str, Any] = {"id": "shop", "name": "Shop"}
    team: dict[str, Any] = {"id": "blue", "name": "Blue"}
    file: dict[str, Any] = {"projects": [project], "endpoints": [], "teams": [team]}
    for kind in TYPES.values():
        if kind.scope is Scope.TOKEN:
            file["auth"] = {"entityType": "team", "entityId": "acme", "undeclared": f"not-a-real-secret-{next(number)}"}
        if kind.listing is None or kind.within or kind.name in ("project", "team") or kind.scope is Scope.TOKEN:
            continue
        path = kind.listing.path.strip("/")
        endpoint = next(each for each in built_in() if "/".join(each.path) == path)
        items = [_item(kind, endpoint, f"{kind.name}-{shape}", shape, number) for shape in ("text", "map", "list")]
        owner = {Scope.PROJECT: project, Scope.TEAM: team}.get(kind.scope, file)
        owner[endpoint.source[-1]] = items
        row = {"from": ".".join(endpoint.source), "path": path, "key": endpoint.key, "id": endpoint.id, "detail": True}
        children = {
            step: {"from": each.source, "key": each.key, "one": each.one, "by": each.by, "permission": each.permission}
            for step, each in endpoint.children.items()
        }
        row |= {"children": children, "permission": endpoint.permission, "scope": endpoint.scope}
        file["endpoints"].append(row | {"paged": endpoint.paged, "lacking": list(endpoint.lacking)})
    return file


def _item(kind: ResourceType, endpoint: Endpoint, identity: str, shape: str, number: count) -> dict[str, Any]:
    """Return an item with a secret at each declared path, as a text, or within a map or a list."""
    item: dict[str, Any] = {"id": identity, "name": identity, kind.id: identity}
    secrets = []
    for path in sorted({path for part in kind.sources if not part.prefix for path in (*part.secrets, *part.logins)}):
        secrets.append(f"not-a-real-secret-{next(number)}")
        _plant(item, path.split("."), _shaped(secrets[-1], shape), kind)
    free = {
        field.path: field for part in kind.sources if part.name in (LIST, DETAIL) for field in part.fields if field.free
    }
    for path, field in free.items():
        if path != kind.id and secrets:
            form = "https://example.com/{}?by={}" if field.address else "see {} and {}!"
            _plant(item, path.split("."), form.format(secrets[0], secrets[-1]), kind)
    for part in kind.parts:
        if part.prefix:
            below = {part.id: "child", "password": f"not-a-real-secret-{next(number)}"}
            for path in part.secrets:
                _plant(below, path.split("."), _shaped(f"not-a-real-secret-{next(number)}", shape), kind)
            if part.each:
                field, _, name = part.each.partition("[].")
                below[part.by] = "www"
                item[field] = [{name: "www"}]
            source = endpoint.children[part.path.partition("{id}/")[2]].source
            item[source] = [below] if part.joins else below
    if not kind.open:
        item["undeclared"] = {"deep": [f"not-a-real-secret-{next(number)}"]}
    return item


def _shaped(secret: str, shape: str) -> Any:
    return {"text": secret, "map": {"KEY": secret}, "list": [{"value": secret}]}[shape]


def _plant(item: Any, steps: list[str], value: Any, kind: ResourceType, above: str = "") -> None:
    """Put a value at a path, unless something stands in the way; a step `*` is any key."""
    name = steps[0].removesuffix("[]").replace("*", "registry.example.com")
    path = f"{above}.{name}" if above else name
    if len(steps) == 1:
        item.setdefault(name, value)
        return
    is_list = path in kind.fields and kind.fields[path].kind is Kind.LIST
    below = item.setdefault(name, [{}] if is_list else {})
    below = below[0] if isinstance(below, list) else below
    if isinstance(below, dict):
        _plant(below, steps[1:], value, kind, f"{path}[]" if is_list else path)
