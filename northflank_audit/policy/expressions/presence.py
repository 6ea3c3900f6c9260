"""Rewrites expressions for incomplete records: a field's absence is an error.

A list returns fewer fields than a detail. So until the detail has been read, the absence of a field means nothing. If
`has()` or `in` tests whether it exists, the cautious form of the expression reads it instead. An existing field gives
the same result; an absent one is NOT_FOUND, as for any expression that reads it. The size and the keys of a record or
of a map in it, and whether it equals something, are also NOT_FOUND.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from northflank_audit.policy.expressions import field_reads
from northflank_audit.policy.expressions.field_reads import (
    ACCOUNT,
    CALL,
    COMPREHENSION,
    CONST,
    CONST_STRING,
    ID,
    IDENT,
    LIST,
    SELECT,
    STRUCT,
    TEST_ONLY,
    Message,
)
from northflank_audit.policy.expressions.shapes import Shape, Shapes, Types, types
from northflank_audit.resources import TYPES

ANY_FIELD: Final = "any field"
"""The missing key of an expression that reads a whole record."""
_RECORDS: Final = "resources"
_LIST_OF_ACCOUNT: Final = 2
"""Steps of a path such as `account.addons`."""
_TRUE, _ZERO = b"\x10\x01", b"\x18\x00"  # constants: bool_value, int64_value
_INDEX, _IN = b"_[_]", b"@in"
_FIRST_NEW_ID: Final = 1 << 20


class CautiousForm(msgspec.Struct, frozen=True):
    """An expression's cautious form."""

    serialized: bytes
    names: frozenset[str]
    """The names of the fields that it tests, at any depth."""
    sweeping: bool = False
    """Whether it tests more than these: it reads a whole record, or computes names."""

    def asks(self, absent: frozenset[str] | None) -> bool:
        """Return whether it tests one of these fields; None is any."""
        return self.sweeping or bool(self.names if absent is None else self.names & absent)


def cautious_form(serialized: bytes, resource_type: str, *, own: bool = True, others: bool = True) -> CautiousForm:
    """Return the cautious form of a serialized expression of a rule about a type.

    It is cautious for its `own` record, for the `others`, or for both.
    """
    message = field_reads.fields(field_reads.last(field_reads.fields(serialized), field_reads.ANY_VALUE))
    rewriter = _Rewriter(TYPES[resource_type].variable)
    names = _Names.of(resource_type, types(message), own=own, others=others)
    plain = field_reads.last(message, field_reads.CHECKED_EXPR)
    expression = rewriter.expression(plain, names)
    cautious = serialized if expression is plain else field_reads.alone(serialized, expression)
    return CautiousForm(cautious, frozenset(rewriter.names), rewriter.sweeping)


class _Names(msgspec.Struct, frozen=True):
    """The meaning of the names that are in scope at a part."""

    records: frozenset[str]
    lists: frozenset[str]
    """The names of lists of records."""
    shapes: Shapes

    @classmethod
    def of(cls, resource_type: str, types: Types, *, own: bool, others: bool) -> "_Names":
        """Return the initial names of every expression. Lists of `account` may be absent."""
        kind = TYPES[resource_type]
        records = frozenset({kind.variable} if own and kind.listing is not None else ())
        lists = frozenset({_RECORDS} if others else ())
        account = frozenset({ACCOUNT} if others else ())
        derived = records | lists | account
        return cls(records | account, lists, Shapes(types, resource_type, derived, {}))

    def within(self, loop: Message) -> "_Names":
        """Return the names inside a macro."""
        records, lists, derived = set(self.records), set(self.lists), set(self.shapes.derived)
        for numbers, origin in (((1, 8), 2), ((3,), 4)):  # of the elements, of the accumulator
            names = {field_reads.last(loop, number).decode() for number in numbers if number in loop}
            source = field_reads.last(loop, origin)
            if self.shapes.derives(source):
                derived |= names
            if origin == 2 and self.holds(source):  # noqa: PLR2004 - the range
                records |= names
            elif self.holds(source):
                lists |= names
            elif field_reads.name(source) in self.records:
                records |= names
        shapes = self.shapes.within(loop, frozenset(derived))
        return _Names(frozenset(records), frozenset(lists), shapes)

    def holds(self, expression: bytes) -> bool:
        """Return whether a part is a list of records."""
        node = field_reads.fields(expression)
        if IDENT in node:
            return field_reads.name(expression) in self.lists
        if SELECT in node:
            path = field_reads.path(node)
            of_account = path is not None and len(path[0]) == _LIST_OF_ACCOUNT and path[0][0] == ACCOUNT
            return of_account and ACCOUNT in self.records
        if LIST in node:
            elements = field_reads.fields(field_reads.last(node, LIST)).get(1, [])
            return any(field_reads.name(field_reads.raw(each)) in self.records for each in elements)
        if COMPREHENSION in node:
            loop = field_reads.fields(field_reads.last(node, COMPREHENSION))
            inner = self.within(loop)
            return inner.holds(field_reads.last(loop, 6)) or inner.holds(field_reads.last(loop, 7))
        return CALL in node and any(self.holds(part) for part, _ in field_reads.parts(node))


class _Rewriter(msgspec.Struct):
    variable: str
    names: set[str] = msgspec.field(default_factory=set)
    sweeping: bool = False
    _last_id: int = _FIRST_NEW_ID

    def expression(self, raw: bytes, names: _Names) -> bytes:
        """Return a part in its cautious form: itself if there is nothing to change in it."""
        node = field_reads.fields(raw)
        forms = {SELECT: self._select, CALL: self._call, COMPREHENSION: self._loop, LIST: self._list, STRUCT: self._map}
        form = next((form for kind, form in forms.items() if kind in node), None)
        if form is not None:
            return form(raw, names)
        is_record = field_reads.name(raw) in (self.variable, ACCOUNT) and field_reads.name(raw) in names.records
        return self._any_field() if is_record else raw

    def _select(self, raw: bytes, names: _Names) -> bytes:
        node = field_reads.fields(raw)
        select = field_reads.fields(field_reads.last(node, SELECT))
        operand = field_reads.last(select, 1)
        tests = TEST_ONLY in select and names.shapes.derives(operand)
        inner = {**select, 1: [self._object(operand, names)]}
        if not tests:
            return _changed(raw, SELECT, inner)
        self.names.add(field_reads.last(select, 2).decode())
        del inner[TEST_ONLY]
        return self._read(field_reads.encoded({**node, SELECT: [field_reads.encoded(inner)]}))

    def _call(self, raw: bytes, names: _Names) -> bytes:
        node = field_reads.fields(raw)
        call = field_reads.fields(field_reads.last(node, CALL))
        function, arguments = field_reads.last(call, 2), [field_reads.raw(each) for each in call.get(3, [])]
        if function == _IN and names.shapes.is_map(arguments[1]):
            key = field_reads.fields(field_reads.last(field_reads.fields(arguments[0]), CONST))
            if CONST_STRING in key:
                self.names.add(field_reads.last(key, CONST_STRING).decode())
            else:
                self.sweeping = True
            read: list[int | bytes] = [self._object(arguments[1], names), self.expression(arguments[0], names)]
            return self._read(self._new(CALL, {2: [_INDEX], 3: read}))
        target = [field_reads.raw(each) for each in call.get(1, [])]
        if names.shapes.sweeps(function, [*arguments, *target]):
            # A missing operand says more.
            operands = [self.expression(each, names) for each in (*target, *arguments)]
            every = self._new(LIST, {1: [*operands, self._any_field()]})
            return self._new(CALL, {2: [_INDEX], 3: [every, self._constant(_ZERO)]})
        if function == _INDEX:
            first = self._object(arguments[0], names)
            changed = {**call, 3: [first, *(self.expression(each, names) for each in arguments[1:])]}
            return _changed(raw, CALL, changed)
        return self._inner(raw, CALL, (1, 3), lambda part: self.expression(part, names))

    def _loop(self, raw: bytes, names: _Names) -> bytes:
        node = field_reads.fields(raw)
        loop = field_reads.fields(field_reads.last(node, COMPREHENSION))
        inner = names.within(loop)
        source = field_reads.last(loop, 2)
        over_a_map = names.shapes.of(source) is Shape.OPEN
        changed: Message = {
            **loop,
            2: [self._any_field() if over_a_map else self.expression(source, names)],
            4: [self._object(field_reads.last(loop, 4), names)],
            **{number: [self.expression(field_reads.last(loop, number), inner)] for number in (5, 6, 7)},
        }
        return _changed(raw, COMPREHENSION, changed)

    def _list(self, raw: bytes, names: _Names) -> bytes:
        return self._inner(raw, LIST, (1,), lambda part: self.expression(part, names))

    def _map(self, raw: bytes, names: _Names) -> bytes:
        return self._inner(raw, STRUCT, (2,), lambda entry: self._entry(entry, names))

    def _entry(self, raw: bytes, names: _Names) -> bytes:
        entry = field_reads.fields(raw)
        changed = {
            number: [self.expression(field_reads.last(entry, number), names)] for number in (3, 4) if number in entry
        }
        return field_reads.encoded({**entry, **changed})

    def _object(self, raw: bytes, names: _Names) -> bytes:
        """Return the operand of a field access or a binding: the record itself is not tested here."""
        return raw if field_reads.name(raw) in names.records else self.expression(raw, names)

    def _inner(self, raw: bytes, kind: int, numbers: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
        inner = field_reads.fields(field_reads.last(field_reads.fields(raw), kind))
        changed: Message = {
            number: [change(field_reads.raw(part)) for part in inner[number]] for number in numbers if number in inner
        }
        return _changed(raw, kind, {**inner, **changed})

    def _read(self, field_read: bytes) -> bytes:
        """Return a part that is true, or the error of reading the operand."""
        both = self._new(LIST, {1: [self._constant(_TRUE), field_read]})
        return self._new(CALL, {2: [_INDEX], 3: [both, self._constant(_ZERO)]})

    def _any_field(self) -> bytes:
        self.sweeping = True
        key = self._constant(field_reads.encoded({CONST_STRING: [ANY_FIELD.encode()]}))
        return self._new(CALL, {2: [_INDEX], 3: [self._new(STRUCT, {}), key]})

    def _constant(self, value: bytes) -> bytes:
        return self._new(CONST, value)

    def _new(self, kind: int, content: Message | bytes) -> bytes:
        self._last_id += 1
        inner = content if isinstance(content, bytes) else field_reads.encoded(content)
        return field_reads.encoded({ID: [self._last_id], kind: [inner]})


def _changed(raw: bytes, kind: int, inner: Message) -> bytes:
    """Return a part with another content: itself if the content is the same."""
    node = field_reads.fields(raw)
    if inner == field_reads.fields(field_reads.last(node, kind)):
        return raw
    return field_reads.encoded({**node, kind: [field_reads.encoded(inner)]})


class Forms(dict[tuple[bool, bool], CautiousForm]):
    """The cautious forms of an expression, compiled on demand: for its own record, for others."""

    def __init__(self, plain: Any, environment: Any, resource_type: str) -> None:
        self._environment = environment
        self._type = resource_type
        self._compiled = {(False, False): plain}

    def __missing__(self, key: tuple[bool, bool]) -> CautiousForm:
        ours, others = key
        self[key] = cautious_form(self._compiled[False, False].serialize(), self._type, own=ours, others=others)
        return self[key]

    def compiled(self, key: tuple[bool, bool]) -> Any:
        """Return the compiled form: for its own record, for others."""
        if key not in self._compiled:
            self._compiled[key] = self._environment.deserialize(self[key].serialized)
        return self._compiled[key]
