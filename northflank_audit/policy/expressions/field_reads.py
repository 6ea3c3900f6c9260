"""Finds what a compiled CEL expression reads, by its `cel.expr.CheckedExpr`.

The messages are those of the CEL specification's `checked.proto` and `syntax.proto`, in protobuf's wire format.
No package on PyPI has their Python classes, and four kinds of field can be read without a library.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

_VARINT, _FIXED64, _BYTES = 0, 1, 2

# Field numbers of syntax.proto and checked.proto, as far as paths need them.
ANY_VALUE, _CHECKED_SOURCE, CHECKED_EXPR = 2, 5, 4
_SOURCE_POSITIONS = 4
ID, CONST, IDENT, SELECT, CALL, LIST, STRUCT, COMPREHENSION = 2, 3, 4, 5, 6, 7, 8, 9
CONST_STRING = 6
TEST_ONLY = 3
ACCOUNT: Final = "account"
"""The variable that holds lists; a rule names each list that it uses."""

Message = Mapping[int, Sequence[int | bytes]]
"""A message's values, by the numbers of its fields."""


class FieldRead(msgspec.Struct, frozen=True):
    """A path that an expression reads, from a variable down: `("params", "allowed")`."""

    path: tuple[str, ...]
    """A step `[]` stands for each item of a list in a macro."""
    offset: int
    """The approximate position in the expression, in characters."""
    tested: bool
    """Whether only `has()` reads it."""


Bound = Mapping[str, tuple[str, ...] | None]
"""The names that enclosing macros bind, with the path that each stands for; None if it has no path."""
ITEM: Final = "[]"
"""The step of a path that stands for each item of a list."""
_NOTHING: Final[Bound] = MappingProxyType({})


def reads(serialized: bytes) -> tuple[FieldRead, ...]:
    """Return every path that the serialized expression reads, also through macros, in order of appearance."""
    result = _walk(*located(serialized), _NOTHING)
    return tuple(sorted(result, key=lambda read: read.offset))


@lru_cache(maxsize=1024)  # several passes over an expression begin with it
def located(serialized: bytes) -> tuple[bytes, Mapping[int, int]]:
    """Return a serialized expression's topmost part, and the offset of each part by its id."""
    message = fields(last(fields(serialized), ANY_VALUE))
    return last(message, CHECKED_EXPR), _positions(message)


def calls(serialized: bytes) -> list[tuple[bytes, frozenset[str], int]]:
    """Return the function calls in a serialized expression, each with the names that it reads, and its offset."""
    expression, positions = located(serialized)
    result, todo = [], [expression]
    while todo:
        part = todo.pop()
        node = fields(part)
        todo += [inner for inner, _ in parts(node)]
        if CALL in node and last(fields(last(node, CALL)), 2).isalnum():
            result.append((part, roots(part), positions.get(number(node, ID), 0)))
    return sorted(result, key=lambda call: call[2])


def roots(expression: bytes) -> frozenset[str]:
    """Return all names in a part, including those that macros bind."""
    inner = (roots(part) for part, _ in parts(fields(expression)))
    return frozenset(filter(None, [name(expression)])).union(*inner)


def alone(serialized: bytes, part: bytes) -> bytes:
    """Return a part of a serialized expression as a separate expression."""
    outer = fields(serialized)
    message = encoded({**fields(last(outer, ANY_VALUE)), CHECKED_EXPR: [part]})
    return encoded({**outer, ANY_VALUE: [message]})


def _positions(message: Message) -> dict[int, int]:
    positions: dict[int, int] = {}
    for entry in fields(last(message, _CHECKED_SOURCE)).get(_SOURCE_POSITIONS, []):
        pair = fields(entry)
        positions[number(pair, 1)] = number(pair, 2)
    return positions


def name(expression: bytes) -> str:
    """Return the name of an expression that is a name; empty for any other."""
    node = fields(expression)
    return last(fields(last(node, IDENT)), 1).decode() if IDENT in node else ""


def _walk(expression: bytes, positions: Mapping[int, int], bound: Bound) -> Iterator[FieldRead]:
    """Yield the paths read below an expression; `bound` are the names of enclosing macros."""
    node = fields(expression)
    read = path(node, bound) or _list_asked_for(node)
    if read is None:
        within = {**bound, **bound_by(fields(last(node, COMPREHENSION)), bound)} if COMPREHENSION in node else bound
        for part, names in parts(node):
            yield from _walk(part, positions, within if names else bound)
    elif read[0]:
        yield FieldRead(read[0], positions.get(number(node, ID), 0), read[1])


def _list_asked_for(node: Message) -> tuple[tuple[str, ...], bool] | None:
    """Return the path of the list that `'NAME' in account` tests for; None for other calls."""
    call = fields(last(node, CALL))
    if last(call, 2) != b"@in":
        return None
    key, of = (raw(argument) for argument in call[3])
    constant = fields(last(fields(key), CONST))
    if name(of) != ACCOUNT or CONST_STRING not in constant:
        return None
    return (ACCOUNT, last(constant, CONST_STRING).decode()), True


def bound_by(loop: Message, bound: Bound) -> Bound:
    """Return what a macro binds: an item of its range, the accumulator, and an index if it has one."""
    item, accumulator, index = (last(loop, number).decode() for number in (1, 3, 8))
    # `cel.bind` iterates over nothing; its accumulator is the bound value.
    start = path(fields(last(loop, 4)), bound)
    names = {accumulator: start[0] if start else None, item: item_path(last(loop, 2), bound)}
    if index:  # of two names the first is the index or key
        names[item], names[index] = None, names[item]
    return names


def item_path(expression: bytes, bound: Bound) -> tuple[str, ...] | None:
    """Return the path of an item of an expression that is a list: a field, or the result of filter() or map()."""
    node = fields(expression)
    target = path(node, bound)
    if target is not None:
        return _below(target[0], ITEM) or None
    if COMPREHENSION not in node:
        return None
    loop = fields(last(node, COMPREHENSION))
    return _added(last(loop, 6), {**bound, **bound_by(loop, bound)})


def _added(step: bytes, bound: Bound) -> tuple[str, ...] | None:
    """Return the path of what a macro's step adds to its result."""
    node = fields(step)
    if LIST in node:
        elements = fields(last(node, LIST)).get(1, [])
        target = path(fields(raw(elements[0])), bound) if len(elements) == 1 else None
        return target[0] if target else None
    if CALL in node:
        call = fields(last(node, CALL))
        arguments = call.get(3, [])[
            -2:
        ]  # of `a + b`; of `condition ? a : b`, which filter() makes, without the condition
        inner = (_added(raw(each), bound) for each in arguments)
        return next(filter(None, inner), None) if last(call, 2) in (b"_+_", b"_?_:_") else None
    return None


def _below(above: tuple[str, ...], step: str) -> tuple[str, ...]:
    return (*above, step) if above else ()


def parts(node: Message) -> Iterator[tuple[bytes, frozenset[str]]]:
    """Yield the expressions directly below a node, each with the names that a macro binds in it."""
    nothing: frozenset[str] = frozenset()
    for kind, numbers in ((SELECT, (1,)), (CALL, (1, 3)), (LIST, (1,))):
        if kind in node:
            inner = fields(last(node, kind))
            yield from ((raw(part), nothing) for number in numbers for part in inner.get(number, []))
    if STRUCT in node:
        for entry in fields(last(node, STRUCT)).get(2, []):
            pair = fields(entry)
            yield from ((raw(part), nothing) for number in (3, 4) for part in pair.get(number, []))
    if COMPREHENSION in node:
        loop = fields(last(node, COMPREHENSION))
        yield from ((last(loop, part), nothing) for part in (2, 4))  # the range, the accumulator's first value
        names = frozenset(last(loop, number).decode() for number in (1, 3, 8))
        yield from ((last(loop, part), names) for part in (5, 6, 7))  # condition, step, result


def path(node: Message, bound: Bound = _NOTHING) -> tuple[tuple[str, ...], bool] | None:
    """Return the path of `a`, `a.b`, `a["b"]` or `has(a.b)`, and whether it is the last.

    It is empty if it begins with a name that a macro binds to something without a path.
    """
    if IDENT in node:
        name = last(fields(last(node, IDENT)), 1).decode()
        return (bound[name] or () if name in bound else (name,)), False
    if SELECT in node:
        select = fields(last(node, SELECT))
        operand = path(fields(last(select, 1)), bound)
        return operand and (_below(operand[0], last(select, 2).decode()), TEST_ONLY in select)
    if CALL in node:
        call = fields(last(node, CALL))
        arguments = [fields(raw(argument)) for argument in call.get(3, [])]
        if last(call, 2) == b"_[_]" and CONST in arguments[1]:
            operand, key = path(arguments[0], bound), fields(last(arguments[1], CONST))
            if operand and CONST_STRING in key:
                return _below(operand[0], last(key, CONST_STRING).decode()), False
    return None


@lru_cache(maxsize=8192)  # every pass over an expression decodes the same messages
def fields(message: int | bytes) -> Message:
    """Decode one protobuf message into its fields' values, by field number."""
    decoded: dict[int, list[int | bytes]] = {}
    buffer, at = raw(message), 0
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
        decoded.setdefault(number, []).append(value)
    return decoded


def encoded(message: Message) -> bytes:
    """Encode fields that are varints and bytes: the inverse of `fields`, without numbers of fixed width."""
    parts = bytearray()
    for number, values in message.items():
        for value in values:
            if isinstance(value, int):
                parts += _as_varint(number << 3 | _VARINT) + _as_varint(value)
            else:
                parts += _as_varint(number << 3 | _BYTES) + _as_varint(len(value)) + value
    return bytes(parts)


def _as_varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _varint(buffer: bytes, at: int) -> tuple[int, int]:
    if buffer[at] < 0x80:  # noqa: PLR2004 - the continuation bit; most are of one byte
        return buffer[at], at + 1
    value = shift = 0
    while True:
        byte = buffer[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at


def raw(value: int | bytes) -> bytes:
    """Return a field that holds bytes: text, or a message."""
    assert isinstance(value, bytes)  # noqa: S101 - what the specification's schema says
    return value


def last(message: Message, number: int) -> bytes:
    """Return a field's last value, which counts; empty if it is absent."""
    return raw(message.get(number, [b""])[-1])


def number(message: Message, field: int) -> int:
    """Return a field that holds a number; 0 if it is absent."""
    value = message.get(field, [0])[-1]
    assert isinstance(value, int)  # noqa: S101 - what the specification's schema says
    return value
