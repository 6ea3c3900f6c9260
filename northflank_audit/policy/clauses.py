"""Parts of an expression that are well-formed and can't be meant: they give the same, whatever the credential is."""

from collections.abc import Iterator
from typing import Final

from northflank_audit.errors import did_you_mean
from northflank_audit.fields import FIELDS, Field
from northflank_audit.policy.cel import CelError, Expression
from northflank_audit.policy.celerrors import Problem
from northflank_audit.policy.syntax import Node, parse

_SAME: Final = {"==": True, "<=": True, ">=": True, "!=": False, "<": False, ">": False}
"""What a comparison of something with itself gives."""
_KINDS: Final = {
    "string": ("text", "a date-time"),
    "number": ("a number",),
    "bool": ("true or false",),
    "list": ("a list",),
}
"""The kinds of field that a literal can be equal to."""
_LITERALS: Final = {"string": "text", "number": "a number", "bool": "true or false", "list": "a list"}


def odd(source: str) -> Iterator[Problem]:
    """Yield the parts of an expression that can't be meant, each with its place."""
    root = parse(source)
    yield from _no_boolean(root)
    for node in root.walk():
        parts = node.children if node.kind in ("and", "or", "not") else node.children[:1] * (node.kind == "ternary")
        for part in parts:
            yield from _constant(source, part)
            yield from _no_boolean(part)
        if node.kind in ("and", "or"):
            yield from _repeated(source, node)
        if node.kind == "relation":
            yield from _comparison(source, node)


def _at(node: Node, text: str) -> Problem:
    return Problem(text, node.start, node.end - node.start)


def _no_boolean(part: Node) -> Iterator[Problem]:
    field = _field(part)
    if field is not None and field.kind != "true or false":
        yield _at(part, f"'{field.path}' is {field.kind}, and here it must be true or false")


def _constant(source: str, part: Node) -> Iterator[Problem]:
    if any(node.kind == "name" for node in part.walk()):
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
            yield _at(part, "this part is here twice")
        elif opposite in seen:
            always = "true" if node.kind == "or" else "false"
            yield _at(part, f"its opposite is here too: together they are always {always}")
        seen.add(shape)


def _comparison(source: str, node: Node) -> Iterator[Problem]:
    left, right = node.children
    if node.word in _SAME and _shape(source, left) == _shape(source, right):
        yield _at(node, f"both sides are the same: it is always {str(_SAME[node.word]).lower()}")
    if node.word in ("==", "!="):
        for one, other in ((left, right), (right, left)):
            yield from _value(source, _field(one), other, never=node.word == "==")
    elif node.word == "in" and right.kind == "list":
        for item in right.children:
            yield from _value(source, _field(left), item, never=True)


def _value(source: str, field: Field | None, value: Node, *, never: bool) -> Iterator[Problem]:
    """Yield what is wrong with a literal that a field is compared with."""
    if field is None or value.kind not in _LITERALS:
        return
    if field.kind.replace("a date-time", "text") != _LITERALS[value.kind]:
        outcome = "never equal" if never else "always unequal"
        yield _at(value, f"'{field.path}' is {field.kind}, and this is {_LITERALS[value.kind]}: they are {outcome}")
    elif value.kind == "string" and field.values:
        text = value.text(source).strip("'\"")
        hint = did_you_mean(text, field.values) if text not in field.values else ""
        if hint:  # what is like nothing that is documented may be new
            yield _at(value, f"no '{field.path}' is documented as '{text}'{hint}")


def _field(node: Node) -> Field | None:
    steps: list[str] = []
    while node.kind == "select":
        steps.insert(0, node.word)
        node = node.children[0]
    return FIELDS.get(".".join(steps)) if node.kind == "name" and node.word == "credential" else None


def _shape(source: str, node: Node) -> tuple[object, ...]:
    """Return what a part says, whatever its blanks and the parentheses around it."""
    while node.kind == "group":
        node = node.children[0]
    text = "" if node.children else node.text(source)
    return (node.kind, node.word, text, *(_shape(source, child) for child in node.children))
