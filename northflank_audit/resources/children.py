"""Child types: views of what a part of another type joins."""

from dataclasses import replace

from northflank_audit.resources.base import LIST, ResourceType, Within
from northflank_audit.resources.fields import text


def child_type(
    parent: ResourceType, part: str, *, name: str, singular: str, key: str, label: str = "id"
) -> ResourceType:
    """Return the type whose resources are the items that a part of another type joins; `key` holds the parent's id."""
    variable = name.replace("-", "_")
    source = parent.part(part)
    named = {field.path for field in source.fields}
    return ResourceType(
        name=name,
        singular=singular,
        plural=f"{singular}s",
        variable=variable,
        collection=f"{variable}s",
        label=label,
        family=parent.family,
        scope=parent.scope,
        id=source.id,
        within=Within(parent, part, key),
        listing=replace(
            source,
            name=LIST,
            joins="",
            each="",
            by="",
            one=False,
            identify=None,
            fields=(*(text(name) for name in (key, source.by) if name and name not in named), *source.fields),
        ),
    )
