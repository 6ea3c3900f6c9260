"""Infers which parts of an expression may be incomplete.

A list returns fewer fields than a detail, of a record and of the maps in it. So an operation on such a map as a whole
(its size, its keys, whether it equals another) is in doubt until everything was read, and so is one on a value that may
be such a map.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from northflank_audit.policy.expressions import field_reads
from northflank_audit.policy.expressions.field_reads import (
    ACCOUNT,
    CALL,
    COMPREHENSION,
    CONST,
    CONST_STRING,
    IDENT,
    ITEM,
    LIST,
    SELECT,
    STRUCT,
    Bound,
)
from northflank_audit.resources import TYPES, Field, Kind, ResourceType
from northflank_audit.resources.paths import Items


class Shape(IntEnum):
    """What a part of an expression is, the most certain first."""

    FLAT = 0
    """Neither a map nor something that contains maps."""
    FREE = 1
    """Anything that does not come from a record."""
    HOLDS = 2
    """Complete itself, but may contain something OPEN: a list of records."""
    OPEN = 3
    """A record, a map in one, or a value that may be one of these."""


Types = Mapping[int, bytes]
"""The types of the parts by the engine's checker, by their ids."""
_FLAT_TYPES: Final = (2, 3, 4, 5)
"""Of checked.proto's Type: null, primitive, wrapper, well known."""
_LIST_TYPE: Final = 6
_TYPE_MAP, _KEY, _VALUE = 3, 1, 2
_INDEX, _TERNARY, _PLUS, _DYN = b"_[_]", b"_?_:_", b"_+_", b"dyn"
_SWEEPING: Final = (b"size", b"format", b"@in", b"_==_", b"_!=_")
_NEW_VALUES: Final = (b"url",)
"""Functions that create maps."""


def types(message: field_reads.Message) -> Types:
    """Return the types of a checked expression's parts."""
    pairs = (field_reads.fields(entry) for entry in message.get(_TYPE_MAP, []))
    return {field_reads.number(pair, _KEY): field_reads.last(pair, _VALUE) for pair in pairs}


class Shapes(msgspec.Struct, frozen=True):
    """Shapes of parts with these names in scope."""

    types: Types
    resource_type: str
    derived: frozenset[str]
    """The names of values that come from a record."""
    bound: Bound

    def of(self, expression: bytes) -> Shape:
        """Return a part's shape."""
        node = field_reads.fields(expression)
        if self._is_flat(node):
            return Shape.FLAT
        if LIST in node:
            elements = field_reads.fields(field_reads.last(node, LIST)).get(1, [])
            return self._holding((self.of(field_reads.raw(each)) for each in elements), Shape.FLAT)
        if not self.derives(expression):
            return Shape.FREE
        steps = self.steps(expression)
        if steps is not None:
            return self._documented(steps)
        if STRUCT in node:
            return self._holding((self.of(part) for part, _ in field_reads.parts(node)), Shape.FREE)
        return self._of_loop(node, expression) if COMPREHENSION in node else self._of_call(node)

    def sweeps(self, function: bytes, parts: Sequence[bytes]) -> bool:
        """Return whether a call reads the size or equality of a map that may be incomplete."""
        if function not in _SWEEPING:
            return False
        shapes = [self.of(part) for part in parts]
        if function == b"size":
            return shapes[0] is Shape.OPEN
        if function == b"format":
            return max(shapes) >= Shape.HOLDS
        if function == b"@in" and (shapes[1] is Shape.OPEN or shapes[0] is Shape.FLAT):
            return shapes[1] is Shape.OPEN
        return min(shapes) is not Shape.FLAT and max(shapes) >= Shape.HOLDS

    def derives(self, expression: bytes) -> bool:
        """Return whether a part may be, or contain, a part of a record."""
        node = field_reads.fields(expression)
        if CALL in node and field_reads.last(field_reads.fields(field_reads.last(node, CALL)), 2) in _NEW_VALUES:
            return False
        if field_reads.name(expression) in self.derived:
            return True
        return any(self.derives(part) for part, _ in field_reads.parts(node))

    def is_map(self, expression: bytes) -> bool:
        """Return whether a part is certainly `account`, a record, or a documented map in one."""
        steps = self.steps(expression)
        if not steps or not self.derives(expression):
            return False
        return steps == (ACCOUNT,) or (self._field(steps) is not None and self._documented(steps) is Shape.OPEN)

    def steps(self, expression: bytes) -> tuple[str, ...] | None:
        """Return the path of a part from a variable down, with `[]` for any item of a list; None if it has no path."""
        node = field_reads.fields(expression)
        if IDENT in node:
            name = field_reads.name(expression)
            return self.bound.get(name, (name,))
        if SELECT in node:
            select = field_reads.fields(field_reads.last(node, SELECT))
            above = self.steps(field_reads.last(select, 1))
            return above and (*above, field_reads.last(select, 2).decode())
        call = field_reads.fields(field_reads.last(node, CALL))
        arguments = [field_reads.raw(each) for each in call.get(3, [])]
        match field_reads.last(call, 2):
            case b"dyn":
                return self.steps(arguments[0])
            case b"own":  # one of the expression's own variables, among shared ones
                constant = field_reads.fields(field_reads.last(field_reads.fields(arguments[0]), CONST))
                return (field_reads.last(constant, CONST_STRING).decode(),)
            case b"_[_]":
                return self._item(arguments[0], arguments[1])
        return None

    def _item(self, expression: bytes, key: bytes) -> tuple[str, ...] | None:
        above = self.steps(expression)
        constant = field_reads.fields(field_reads.last(field_reads.fields(key), CONST))
        if above and CONST_STRING in constant:
            return (*above, field_reads.last(constant, CONST_STRING).decode())
        return (*above, ITEM) if above and self._documented(above) in (Shape.FLAT, Shape.HOLDS) else None

    def _is_flat(self, node: field_reads.Message) -> bool:
        kind = field_reads.fields(self.types.get(field_reads.number(node, field_reads.ID), b""))
        while _LIST_TYPE in kind:
            kind = field_reads.fields(field_reads.last(field_reads.fields(field_reads.last(kind, _LIST_TYPE)), 1))
        return CONST in node or any(each in kind for each in _FLAT_TYPES)

    @staticmethod
    def _holding(shapes: Iterable[Shape], least: Shape) -> Shape:
        return max(least, min(max(shapes, default=least), Shape.HOLDS))

    def within(self, loop: field_reads.Message, derived: frozenset[str]) -> "Shapes":
        """Return the names inside a macro."""
        accumulator, start = (field_reads.last(loop, number) for number in (3, 4))
        names = {**field_reads.bound_by(loop, self.bound), accumulator.decode(): self.steps(start)}
        return Shapes(self.types, self.resource_type, derived, {**self.bound, **names})

    def _of_loop(self, node: field_reads.Message, expression: bytes) -> Shape:
        if self._is_list(node):
            item = field_reads.item_path(expression, self.bound)
            return Shape.FLAT if item and self._documented(item) is Shape.FLAT else Shape.HOLDS
        loop = field_reads.fields(field_reads.last(node, COMPREHENSION))
        names = frozenset(field_reads.last(loop, number).decode() for number in (1, 3, 8))
        return self.within(loop, self.derived | names).of(field_reads.last(loop, 7))

    def _is_list(self, node: field_reads.Message) -> bool:
        kind = field_reads.fields(self.types.get(field_reads.number(node, field_reads.ID), b""))
        return _LIST_TYPE in kind

    def _of_call(self, node: field_reads.Message) -> Shape:
        """Return the shape of a call, or of a name or field without a path."""
        call = field_reads.fields(field_reads.last(node, CALL))
        arguments = [field_reads.raw(each) for each in call.get(3, [])]
        function = field_reads.last(call, 2)
        if function in (_TERNARY, _PLUS):
            return max(self.of(each) for each in arguments[-2:])
        if function == _DYN:
            return self.of(arguments[0])
        if function == _INDEX and self.of(arguments[0]) is Shape.FLAT:
            return Shape.FLAT
        return Shape.HOLDS if self._is_list(node) else Shape.OPEN

    def _documented(self, steps: tuple[str, ...]) -> Shape:
        """Return the shape that the API documents at a path; without documentation, it may be anything."""
        if steps == ("resources",) or (steps[0] == ACCOUNT and len(steps) == 2):  # noqa: PLR2004 - a list of it
            return Shape.HOLDS
        field = self._field(steps)
        listed = isinstance(field, Items)
        element = field.item if isinstance(field, Items) else field
        if isinstance(element, Field) and element.kind is not Kind.MAP:
            return Shape.HOLDS if element.kind is Kind.LIST else Shape.FLAT
        return Shape.HOLDS if listed else Shape.OPEN

    def _field(self, steps: tuple[str, ...]) -> Any:
        """Return the node at a path in the tree of the documented fields; None if there is none."""
        own = TYPES[self.resource_type]
        match steps:
            case ("resources", "[]", *below):
                kind = TYPES[own.alias or own.name]
            case ("account", name, "[]", *below) if listed := _listed(name):
                kind = listed
            case (own.variable, *below) if own.listing is not None:
                kind = own
            case _:
                return None
        node: Any = kind.field_tree
        for step in below:
            if step == ITEM:
                node = node.item if isinstance(node, Items) else None
            else:
                node = node.get(step) if isinstance(node, dict) else None
        return node


def _listed(name: str) -> ResourceType | None:
    """Return the type whose list below `account` has this name."""
    return next((kind for kind in TYPES.values() if kind.collection == name), None)
