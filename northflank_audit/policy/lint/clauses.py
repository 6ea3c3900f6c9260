"""Finds parts of expressions with the same result for every resource."""

from collections.abc import Iterator
from typing import Final

from northflank_audit.errors import did_you_mean
from northflank_audit.policy.expressions.cel import CelError, Expression, Failed, evaluate
from northflank_audit.policy.expressions.compile_errors import Problem
from northflank_audit.policy.expressions.field_reads import FieldRead
from northflank_audit.policy.expressions.syntax import Node, parse
from northflank_audit.policy.lint.vacuous import strange
from northflank_audit.resources import TYPES, Field, Kind, ResourceType

MACROS: Final = ("all", "exists", "exists_one", "filter", "map", "has")

_SAME: Final = {"==": True, "<=": True, ">=": True, "!=": False, "<": False, ">": False}
"""The result of comparing something with itself."""
_LITERALS: Final = {"string": "text", "number": "a number", "bool": "true or false", "list": "a list"}
"""A literal's kind, as in `fields`; a date-time is also text."""


def suspect_clauses(source: str, resource_type: str) -> Iterator[Problem]:
    """Yield the parts of an expression that can't be intended, each with its position."""
    root, kind = parse(source), TYPES[resource_type]
    records = _records(root)
    yield from _no_boolean(root, kind)
    for node in root.walk():
        if node.kind in ("call", "method"):
            yield from _failing(source, node)
        if node.kind == "select":
            yield from _strange_member(node, records, kind)
        parts = node.children if node.kind in ("and", "or", "not") else node.children[:1] * (node.kind == "ternary")
        for part in parts:
            yield from _constant(source, part)
            yield from _no_boolean(part, kind)
        if node.kind in ("and", "or"):
            yield from _repeated(source, node)
        if node.kind == "relation":
            yield from _comparison(source, node, kind)


def _at(node: Node, text: str) -> Problem:
    return Problem(text, node.start, node.end - node.start)


def _no_boolean(part: Node, kind: ResourceType) -> Iterator[Problem]:
    field = _field(part, kind)
    if field is not None and field.kind is not Kind.BOOLEAN:
        yield _at(part, f"'{field.path}' is {field.kind}, but must be true or false here")


def _failing(source: str, node: Node) -> Iterator[Problem]:
    """Yield why a call of literals fails for every resource."""
    arguments = node.children if node.kind == "call" else node.children[1:]
    if node.word in MACROS or not arguments or any(_reads(part) for part in arguments):
        return
    text = node.text(source)
    if node.kind == "method" and node.word == "matches":  # whether its pattern is valid does not depend on the text
        text = f"''.matches({arguments[0].text(source)})"
    elif node.kind == "method" and _reads(node.children[0]):
        return
    try:
        value = evaluate(text, {})
    except CelError:
        return
    if isinstance(value, Failed):
        hint = "; durations have h, m and s, and no days: 24h" if node.word == "duration" else ""
        yield _at(node, f"this fails: {value.reason.strip()}{hint}")


def _reads(part: Node) -> bool:
    return any(node.kind == "name" for node in part.walk())


def _records(root: Node) -> frozenset[str]:
    """Return the names that macros over `resources` bind to a record."""
    names: set[str] = set()
    for node in root.walk():
        if node.kind == "method" and node.word in MACROS and len(node.children) > 1:
            over = node.children[0]
            while over.kind in ("method", "group") and (over.kind == "group" or over.word == "filter"):
                over = over.children[0]
            if over.kind == "name" and over.word == "resources" and node.children[1].kind == "name":
                names.add(node.children[1].word)
    return frozenset(names)


def _strange_member(node: Node, records: frozenset[str], kind: ResourceType) -> Iterator[Problem]:
    """Yield what is wrong with a field that is read of one of `resources`."""
    variable, steps = _path(node)
    if variable in records:
        depth, problem = strange(FieldRead(("resources", *steps), 0, tested=False), TYPES[kind.alias or kind.name])
        if depth == len(steps):  # otherwise the wrong part is reported
            yield Problem(problem, node.word_start, len(node.word))


def _constant(source: str, part: Node) -> Iterator[Problem]:
    if _reads(part):
        return
    try:
        value = Expression(part.text(source)).evaluate({})
    except CelError:
        return
    if isinstance(value, bool):
        yield _at(part, f"this part is always {str(value).lower()}")


def _repeated(source: str, node: Node) -> Iterator[Problem]:
    seen: set[tuple[object, ...]] = set()
    for part in node.children:
        shape = _shape(source, part)
        opposite = shape[3] if shape[0] == "not" else ("not", "!", "", shape)
        if shape in seen:
            yield _at(part, "this part occurs twice")
        elif opposite in seen:
            always = "true" if node.kind == "or" else "false"
            yield _at(part, f"its opposite also occurs: together they are always {always}")
        seen.add(shape)


def _comparison(source: str, node: Node, kind: ResourceType) -> Iterator[Problem]:
    left, right = node.children
    if node.word in _SAME and _shape(source, left) == _shape(source, right):
        yield _at(node, f"both sides are the same: it is always {str(_SAME[node.word]).lower()}")
    if (
        node.word in ("==", "!=")
        and {"null"} & {left.kind, right.kind}
        and any(field is not None and not field.null for field in (_field(left, kind), _field(right, kind)))
    ):
        problem = "a field that is null counts as absent, so this is unknown, never true; use has()"
        yield _at(node, problem)
    if node.word in ("==", "!="):
        for one, other in ((left, right), (right, left)):
            yield from _value(source, _field(one, kind), other, never=node.word == "==")
    elif node.word == "in" and right.kind == "list":
        for item in right.children:
            yield from _value(source, _field(left, kind), item, never=True)


def _value(source: str, field: Field | None, value: Node, *, never: bool) -> Iterator[Problem]:
    """Yield what is wrong with a literal that a field is compared with."""
    if field is None or value.kind not in _LITERALS:
        return
    if field.kind.replace("a date-time", "text") != _LITERALS[value.kind]:
        outcome = "never equal" if never else "always unequal"
        yield _at(value, f"'{field.path}' is {field.kind}, but this is {_LITERALS[value.kind]}: they are {outcome}")
    elif value.kind == "string" and field.values:
        text = value.text(source).strip("'\"")
        hint = did_you_mean(text, field.values) if text not in field.values else ""
        if hint:  # a text unlike any documented value may be new
            yield _at(value, f"'{text}' is not a documented value of '{field.path}'{hint}")


def _field(node: Node, kind: ResourceType) -> Field | None:
    variable, steps = _path(node)
    return kind.fields.get(".".join(steps)) if variable == kind.variable else None


def _path(node: Node) -> tuple[str, list[str]]:
    """Return the variable at the start of a path, or an empty text, and the path's steps."""
    steps: list[str] = []
    while node.kind == "select":
        steps.insert(0, node.word)
        node = node.children[0]
    return node.word if node.kind == "name" else "", steps


def _shape(source: str, node: Node) -> tuple[object, ...]:
    """Return a part's text without its whitespace and the parentheses around it."""
    while node.kind == "group":
        node = node.children[0]
    text = "" if node.children else node.text(source)
    return (node.kind, node.word, text, *(_shape(source, child) for child in node.children))
