"""Paths of fields: notation, and what is above a field."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

ITEM: Final = "[]"
"""The step of a path that stands for each item of a list."""


@dataclass(frozen=True, slots=True)
class Items:
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
