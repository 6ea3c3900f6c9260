"""Paths of fields: notation, and what is above a field."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

ITEM: Final = "[]"
"""The step of a path that stands for each item of a list."""


class Items(msgspec.Struct, frozen=True):
    """Each item of a list."""

    item: Any
    """A `Field`, or a map of names to the nodes below."""


def dotted(steps: Iterable[str]) -> str:
    """Return a path in the notation of declarations: `ports[].public` for `ports`, `[]`, `public`."""
    return ".".join(steps).replace(".[]", "[]")


def stepped(path: str) -> tuple[str, ...]:
    """Return the steps of a path: `ports`, `[]`, `public` for `ports[].public`."""
    return tuple(path.replace("[]", ".[]").split("."))


def above(path: str) -> Iterator[tuple[str, bool]]:
    """Yield the paths above a field, each with whether it is a list; the rest are maps."""
    steps = path.split(".")
    for index, step in enumerate(steps):
        prefix = ".".join([*steps[:index], step.removesuffix(ITEM)])
        if step.endswith(ITEM):
            yield prefix, True
        elif index < len(steps) - 1:
            yield prefix, False


def contains(node: Any, steps: Iterable[str]) -> bool:
    """Return whether a path is in a tree of fields, or below one of its fields."""
    for step in steps:
        if isinstance(node, Items):
            node = node.item
            if step == ITEM:
                continue
        if not isinstance(node, Mapping):
            return True
        if step not in node:
            return False
        node = node[step]
    return True
