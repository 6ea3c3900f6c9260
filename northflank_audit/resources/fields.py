"""Fields of records: their kinds, and functions to declare them."""

from enum import StrEnum
from typing import Any

import msgspec

from northflank_audit.resources.paths import ITEM, Items


class Kind(StrEnum):
    """The kinds of values that the API documents, in words for people."""

    TEXT = "text"
    BOOLEAN = "true or false"
    NUMBER = "a number"
    TIME = "a date-time"
    LIST = "a list"
    MAP = "a map"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field below a record. A path's step that ends in `[]` stands for each item of a list: `ports[].public`."""

    path: str
    kind: Kind
    values: tuple[str, ...] = ()
    """The documented values, although others may occur; empty if the text is free."""
    null: bool = False
    """Whether null has a meaning of its own. Otherwise it counts as absent."""
    personal: bool = False
    """Whether it is personal data: kept only if a rule reads it, and masked in reports."""
    changing: bool = False
    """Whether it may change between two requests by itself, such as a state."""
    ahead: bool = False
    """Whether a date-time is normally in the future, such as an expiry."""
    free: bool = False
    """Whether users write it freely, so that it may repeat a secret."""
    address: bool = False
    """Whether it is an address, from which user name and password are removed."""


def text(path: str, *values: str, null: bool = False, personal: bool = False, changing: bool = False) -> Field:
    """Declare a text with these documented values."""
    return Field(path=path, kind=Kind.TEXT, values=values, null=null, personal=personal, changing=changing)


def words(path: str) -> Field:
    """Declare a text that users write freely: a name, a description, an address, an error message."""
    return Field(path=path, kind=Kind.TEXT, free=True)


def address(path: str) -> Field:
    """Declare an address, which users also write freely."""
    return Field(path=path, kind=Kind.TEXT, free=True, address=True)


def switches(path: str) -> Field:
    """Declare a map of names to true or false."""
    return Field(path=path, kind=Kind.MAP)


def texts(path: str, *values: str, free: bool = False, personal: bool = False) -> Field:
    """Declare a list of texts, which users may write freely."""
    return Field(path=f"{path}[]", kind=Kind.TEXT, values=values, free=free, personal=personal)


def boolean(path: str) -> Field:
    """Declare a field that is true or false."""
    return Field(path=path, kind=Kind.BOOLEAN)


def number(path: str, *, changing: bool = False) -> Field:
    """Declare a number."""
    return Field(path=path, kind=Kind.NUMBER, changing=changing)


def numbers(path: str) -> Field:
    """Declare a list of numbers."""
    return Field(path=f"{path}[]", kind=Kind.NUMBER)


def time(path: str, *, null: bool = False, changing: bool = False, ahead: bool = False) -> Field:
    """Declare a date-time."""
    return Field(path=path, kind=Kind.TIME, null=null, changing=changing, ahead=ahead)


def tree(fields: tuple[Field, ...]) -> dict[str, Any]:
    """Return fields as nested maps by the steps of their paths, lists as `Items`."""
    root: dict[str, Any] = {}
    for field in fields:
        node, steps = root, field.path.split(".")
        for index, step in enumerate(steps):
            name, listed = step.removesuffix("[]"), step.endswith("[]")
            if index == len(steps) - 1:
                node[name] = Items(field) if listed else field
            elif listed:
                node = node.setdefault(name, Items({})).item
            else:
                node = node.setdefault(name, {})
    return root


def has_field(node: Any, steps: tuple[str, ...]) -> bool:
    """Return whether steps lead to a field in a tree, or to what stands above or below one."""
    for step in steps:
        if isinstance(node, Items):
            node = node.item
            if step == ITEM:
                continue
        if isinstance(node, Field):
            return True
        if step not in node:
            return False
        node = node[step]
    return True
