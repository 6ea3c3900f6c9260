"""What a compiled CEL expression reads, from its `cel.expr.CheckedExpr`.

The messages are those of the CEL specification's `checked.proto` and `syntax.proto`, in protobuf's wire format.
No package on PyPI carries their Python classes, and four kinds of field need no library to be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES = 0, 1, 2

# Field numbers of syntax.proto and checked.proto, as far as paths need them.
_ANY_VALUE, _CHECKED_SOURCE, _CHECKED_EXPR = 2, 5, 4
_SOURCE_POSITIONS = 4
_ID, _CONST, _IDENT, _SELECT, _CALL, _LIST, _STRUCT, _COMPREHENSION = 2, 3, 4, 5, 6, 7, 8, 9
_CONST_STRING = 6
_TEST_ONLY = 3

Message = dict[int, list[int | bytes]]


@dataclass(frozen=True, slots=True)
class Read:
    """A path that an expression reads, from a variable down: `("params", "allowed")`."""

    path: tuple[str, ...]
    offset: int
    """Characters from the expression's beginning to (about) where it is read."""
    tested: bool
    """Whether it is only asked for by `has()`."""


def reads(serialized: bytes) -> tuple[Read, ...]:
    """Return every path that the serialized expression reads, in order of appearance."""
    message = _fields(_bytes(_fields(serialized), _ANY_VALUE))
    positions: dict[int, int] = {}
    for entry in _fields(_bytes(message, _CHECKED_SOURCE)).get(_SOURCE_POSITIONS, []):
        pair = _fields(entry)
        positions[_int(pair, 1)] = _int(pair, 2)
    found = _walk(_bytes(message, _CHECKED_EXPR), positions, frozenset())
    return tuple(sorted(found, key=lambda read: read.offset))


def asks_presence(serialized: bytes) -> bool:
    """Tell whether the serialized expression asks which fields a record of `resources` has: by has(), `in`, `==`."""
    message = _fields(_bytes(_fields(serialized), _ANY_VALUE))
    return _asks(_bytes(message, _CHECKED_EXPR), frozenset())


def _asks(expression: bytes, records: frozenset[str]) -> bool:
    """Tell it of a part; `records` are the names that enclosing macros bind to records, or lists of them."""
    node = _fields(expression)
    if _SELECT in node:
        select = _fields(_bytes(node, _SELECT))
        if _TEST_ONLY in select and _mentions(_root(_bytes(select, 1)), records):
            return True
    if _CALL in node:
        call = _fields(_bytes(node, _CALL))
        names = [_name(_raw(argument)) for argument in call.get(3, [])]
        if _bytes(call, 2) in (b"@in", b"_==_", b"_!=_") and records.intersection(filter(None, names)):
            return True
    if _COMPREHENSION in node:
        loop = _fields(_bytes(node, _COMPREHENSION))
        for numbers, origin in (((1, 8), 2), ((3, 3), 4)):  # of the elements, of the accumulator
            if _mentions(_bytes(loop, origin), records):
                records |= {_bytes(loop, number).decode() for number in numbers}
    return any(_asks(part, records) for part, _ in _parts(node))


def _mentions(expression: bytes, records: frozenset[str]) -> bool:
    """Tell whether a part is a record of `resources`, or some of them, and not what is in one."""
    node = _fields(expression)
    if _SELECT in node:
        return False
    return _name(expression) in {"resources", *records} or any(_mentions(part, records) for part, _ in _parts(node))


def _root(expression: bytes) -> bytes:
    """Return what a field's path begins with."""
    node = _fields(expression)
    return _root(_bytes(_fields(_bytes(node, _SELECT)), 1)) if _SELECT in node else expression


def _name(expression: bytes) -> str:
    node = _fields(expression)
    return _bytes(_fields(_bytes(node, _IDENT)), 1).decode() if _IDENT in node else ""


def _walk(expression: bytes, positions: dict[int, int], bound: frozenset[str]) -> Iterator[Read]:
    """Yield the paths read below an expression; `bound` are the names of enclosing macros."""
    node = _fields(expression)
    read = _path(node)
    if read is None:
        for part, names in _parts(node):
            yield from _walk(part, positions, bound | names)
    elif read[0][0] not in bound:
        yield Read(read[0], positions.get(_int(node, _ID), 0), read[1])


def _parts(node: Message) -> Iterator[tuple[bytes, frozenset[str]]]:
    """Yield the expressions right below a node, each with the names that a macro binds in it."""
    nothing: frozenset[str] = frozenset()
    for kind, numbers in ((_SELECT, (1,)), (_CALL, (1, 3)), (_LIST, (1,))):
        if kind in node:
            inner = _fields(_bytes(node, kind))
            yield from ((_raw(part), nothing) for number in numbers for part in inner.get(number, []))
    if _STRUCT in node:
        for entry in _fields(_bytes(node, _STRUCT)).get(2, []):
            pair = _fields(entry)
            yield from ((_raw(part), nothing) for number in (3, 4) for part in pair.get(number, []))
    if _COMPREHENSION in node:
        loop = _fields(_bytes(node, _COMPREHENSION))
        yield from ((_bytes(loop, part), nothing) for part in (2, 4))  # the range, the accumulator's first value
        names = frozenset(_bytes(loop, name).decode() for name in (1, 3, 8))
        yield from ((_bytes(loop, part), names) for part in (5, 6, 7))  # condition, step, result


def _path(node: Message) -> tuple[tuple[str, ...], bool] | None:
    """Return the path of `a`, `a.b`, `a["b"]` or `has(a.b)`, and whether it is the last."""
    if _IDENT in node:
        return (_bytes(_fields(_bytes(node, _IDENT)), 1).decode(),), False
    if _SELECT in node:
        select = _fields(_bytes(node, _SELECT))
        operand = _path(_fields(_bytes(select, 1)))
        return operand and ((*operand[0], _bytes(select, 2).decode()), _TEST_ONLY in select)
    if _CALL in node:
        call = _fields(_bytes(node, _CALL))
        arguments = [_fields(_raw(argument)) for argument in call.get(3, [])]
        if _bytes(call, 2) == b"_[_]" and _CONST in arguments[1]:
            operand, key = _path(arguments[0]), _fields(_bytes(arguments[1], _CONST))
            if operand and _CONST_STRING in key:
                return (*operand[0], _bytes(key, _CONST_STRING).decode()), False
    return None


def _fields(message: int | bytes) -> Message:
    """Decode one protobuf message into its fields' values, by field number."""
    fields: Message = {}
    buffer, at = _raw(message), 0
    while at < len(buffer):
        tag, at = _varint(buffer, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == _VARINT:
            value, at = _varint(buffer, at)
        else:
            if wire == _BYTES:
                length, at = _varint(buffer, at)
            else:
                length = 8 if wire == _FIXED64 else 4
            value, at = buffer[at : at + length], at + length
        fields.setdefault(number, []).append(value)
    return fields


def _varint(buffer: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = buffer[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at


def _raw(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)  # noqa: S101 - what the specification's schema says
    return value


def _bytes(message: Message, number: int) -> bytes:
    return _raw(message.get(number, [b""])[-1])


def _int(message: Message, number: int) -> int:
    value = message.get(number, [0])[-1]
    assert isinstance(value, int)  # noqa: S101 - what the specification's schema says
    return value
