"""Finds uses of `account` without the name of a list."""

from collections.abc import Iterator, Mapping
from typing import Final

from northflank_audit.policy.expressions import field_reads
from northflank_audit.policy.expressions.compile_errors import Problem
from northflank_audit.policy.expressions.field_reads import ACCOUNT, CALL, CONST, CONST_STRING, SELECT, Message

TEXT: Final = "use account.NAME; 'account' alone can't be read"
_KEY_AND_MAP: Final[Mapping[bytes, tuple[int, int]]] = {b"_[_]": (1, 0), b"@in": (0, 1)}
"""The positions of key and map among the arguments of a call."""


def whole_account(serialized: bytes) -> list[Problem]:
    """Return a problem for each use of `account` without the name of a list."""
    if ACCOUNT.encode() not in serialized:  # as in most
        return []
    expression, positions = field_reads.located(serialized)
    places = {positions.get(number, 0) for number in _alone(expression)}
    return [Problem(TEXT, place, len(ACCOUNT)) for place in sorted(places)]


def _alone(expression: bytes) -> Iterator[int]:
    node = field_reads.fields(expression)
    if field_reads.name(expression) == ACCOUNT:
        yield field_reads.number(node, field_reads.ID)
    elif not _names_a_list(node):
        for part, names in field_reads.parts(node):
            if ACCOUNT not in names:  # otherwise it is a macro's own name
                yield from _alone(part)


def _names_a_list(node: Message) -> bool:
    """Return whether a part is `account.NAME`, has() of that, `account['NAME']` or `'NAME' in account`."""
    if SELECT in node:
        return field_reads.name(field_reads.last(field_reads.fields(field_reads.last(node, SELECT)), 1)) == ACCOUNT
    if CALL not in node:
        return False
    call = field_reads.fields(field_reads.last(node, CALL))
    places = _KEY_AND_MAP.get(field_reads.last(call, 2))
    if places is None:
        return False
    key, of = (field_reads.raw(call[3][place]) for place in places)
    constant = field_reads.fields(field_reads.last(field_reads.fields(key), CONST))
    return field_reads.name(of) == ACCOUNT and CONST_STRING in constant
