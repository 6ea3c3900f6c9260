"""Creates child types: views of another type's part."""

from msgspec.structs import replace

from northflank_audit.resources.base import LIST, ResourceType, Within
from northflank_audit.resources.fields import text


def child_type(
    parent: ResourceType, part: str, *, name: str, singular: str, key: str, label: str = "id"
) -> ResourceType:
    """Return a type whose resources are the items in a part of another type; `key` is the field of the parent's id."""
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
