"""Traces the value of each part of an expression.

The engine itself evaluates each part, within `cel.bind` for what macros around it bind. So a part's value is the
engine's. This module only knows the order of evaluation (`&&`, `||`, `?:`, `all`, `exists`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.policy.expressions.cel import (
    NOTHING_ABSENT,
    Absent,
    CelError,
    Expression,
    Failed,
    Missing,
    evaluate,
)
from northflank_audit.policy.expressions.syntax import Node, excerpt, parse

MOST_TRACED: Final = 5
"""The most elements of a list or map that are traced in a macro."""
MOST_SEARCHED: Final = 200
"""The most elements that are searched for one that decides, or can't be evaluated."""
_LITERALS: Final = {"number", "string", "bytes", "bool", "null"}
_LOOPS: Final = {"all", "exists", "exists_one", "filter", "map"}
_ENDS: Final = {"all": False, "exists": True}
"""The value of an element that ends a macro's evaluation."""


@dataclass(frozen=True, slots=True)
class NotNeeded:
    """It was not needed: an earlier part decided."""


@dataclass(frozen=True, slots=True)
class Untraced:
    """Elements that are not traced."""

    count: int


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an expression and its value. Literals and bare variables have no step of their own."""

    text: str
    """The part as written; for an element of a macro, the variable's name."""
    start: int
    """Its position in the expression, in characters."""
    end: int
    outcome: Any
    """A Python value, Missing, Failed, NotNeeded or Rest."""
    steps: tuple["Step", ...] = ()


def trace(
    source: str,
    variables: Mapping[str, Any],
    resource_type: str = RESOURCE_TYPE,
    absent: Absent = NOTHING_ABSENT,
) -> Step:
    """Evaluate an expression of a rule about this type. Raises CelError if it does not compile.

    The outcome of the whole is that of `Expression.evaluate`.
    """
    outcome = Expression(source, resource_type).evaluate(variables, absent)
    root, scope = parse(source), _Scope(source, variables, resource_type, absent)
    steps = tuple(_below(root, scope)) or tuple(_parts([root], scope))
    return Step(source, root.start, root.end, outcome, steps)


@dataclass(frozen=True, slots=True)
class _Scope:
    source: str
    variables: Mapping[str, Any]
    resource_type: str
    absent: Absent = NOTHING_ABSENT
    bound: tuple[tuple[str, str], ...] = ()
    """Variables of the macros around a part, outermost first, and the expressions of their values."""

    def value(self, text: str) -> Any:
        """Evaluate text as if it were within the macros."""
        absent = NOTHING_ABSENT if text in self.variables else self.absent  # a variable alone reads no field
        for name, value in reversed(self.bound):
            text = f"cel.bind({name}, {value}, {text})"
        try:
            return evaluate(text, self.variables, self.resource_type, absent)
        except CelError as error:  # bound, it may be nested too deeply
            return Failed(f"can't be evaluated on its own: {error}")

    def bind(self, name: str, value: str) -> "_Scope":
        return replace(self, bound=(*self.bound, (name, value)))


def _step(node: Node, scope: _Scope) -> Step:
    text = node.text(scope.source)
    outcome = scope.value(text)
    if isinstance(outcome, Missing) and _is_path(node):
        outcome = Missing(_lacking(node, scope) or outcome.reason)
    return Step(text, node.start, node.end, outcome, tuple(_below(node, scope)))


def _parts(nodes: Iterable[Node], scope: _Scope) -> Iterator[Step]:
    return (_step(node, scope) for node in nodes if not _is_plain(node))


def _below(node: Node, scope: _Scope) -> Iterator[Step]:
    """Yield the steps directly below a node; `!` and parentheses have none of their own."""
    match node.kind:
        case "group" | "not":
            yield from _below(node.children[0], scope)
        case "and" | "or":
            yield from _chain(node, scope)
        case "ternary":
            yield from _choice(node, scope)
        case "call" if node.word == "has":
            yield from _parts((part for part in node.children[0].children if not _is_path(part)), scope)
        case "method" if _is_bind(node):
            _, variable, value, body = node.children
            step = _step(value, scope)
            yield replace(step, text=_bare(variable).word, start=variable.start, end=variable.end)
            yield from _below(body, scope.bind(_bare(variable).word, value.text(scope.source)))
        case "method" if _is_loop(node):
            yield from _loop(node, scope)
        case _ if not _is_path(node):
            yield from _parts(node.children[1:] if node.kind == "message" else node.children, scope)


def _chain(node: Node, scope: _Scope) -> Iterator[Step]:
    """Follow `&&` until a part is false, `||` until one is true; an error does not end it."""
    ended = False
    for part in node.children:
        step = _skipped(part, scope) if ended else _step(part, scope)
        ended = ended or step.outcome is (node.kind == "or")
        if not _is_literal(part):
            yield step


def _choice(node: Node, scope: _Scope) -> Iterator[Step]:
    condition, *branches = node.children
    decided = _step(condition, scope)
    yield from () if _is_literal(condition) else (decided,)
    for branch, when in zip(branches, (True, False), strict=True):
        if not _is_literal(branch):
            yield _step(branch, scope) if decided.outcome is when else _skipped(branch, scope)


def _skipped(node: Node, scope: _Scope) -> Step:
    return Step(node.text(scope.source), node.start, node.end, NotNeeded())


def _loop(node: Node, scope: _Scope) -> Iterator[Step]:
    """Trace a macro over the first elements of its list, or keys of its map."""
    over, variable, *bodies = node.children
    yield from _parts([over], scope)
    name, text = _bare(variable).word, over.text(scope.source)
    elements = _elements(text, scope.value(text))
    traced = _traced(node, bodies[0], elements, scope)
    for index in traced:
        inner = scope.bind(name, elements[index])
        steps = [_step(bodies[0], inner)]
        if len(bodies) > 1:  # map's condition comes before its result
            steps.append(_step(bodies[1], inner) if steps[0].outcome is True else _skipped(bodies[1], inner))
        below = tuple(step for body, step in zip(bodies, steps, strict=True) if not _is_plain(body))
        yield Step(name, variable.start, variable.end, inner.value(name), below)
        if node.word in _ENDS and steps[0].outcome is _ENDS[node.word]:
            return
    if len(elements) > len(traced):
        yield Step(name, variable.start, variable.end, Untraced(len(elements) - len(traced)))


def _traced(node: Node, body: Node, elements: list[str], scope: _Scope) -> list[int]:
    """Return the elements to trace: the first ones, and the one that decides or can't be evaluated."""
    first = list(range(min(MOST_TRACED, len(elements))))
    if node.word not in _ENDS or len(elements) <= MOST_TRACED:
        return first
    text, name = body.text(scope.source), _bare(node.children[1]).word
    for index in range(MOST_TRACED, min(len(elements), MOST_SEARCHED)):
        value = scope.bind(name, elements[index]).value(text)
        if value is _ENDS[node.word] or not isinstance(value, bool):
            return [*first, index]
    return first


def _elements(text: str, value: Any) -> list[str]:
    """Return an expression for each element of a list, or for each key of a map, in a fixed order."""
    match value:
        case list():
            return [f"({text})[{index}]" for index in range(len(value))]
        case dict():
            return [f"dyn({json.dumps(key, ensure_ascii=False)})" for key in sorted(value, key=str)]
        case _:
            return []


def _bare(node: Node) -> Node:
    return _bare(node.children[0]) if node.kind == "group" else node


def _is_bind(node: Node) -> bool:
    parts = [_bare(part) for part in node.children]
    return node.word == "bind" and len(parts) == 4 and (parts[0].word, parts[1].kind) == ("cel", "name")  # noqa: PLR2004


def _is_loop(node: Node) -> bool:
    count = len(node.children)
    return node.word in _LOOPS and (count == 3 or (count == 4 and node.word == "map"))  # noqa: PLR2004


def _is_literal(node: Node) -> bool:
    return node.kind in _LITERALS or (
        node.kind in ("group", "list", "map", "minus") and all(_is_literal(part) for part in node.children)
    )


def _is_plain(node: Node) -> bool:
    return _is_literal(node) or _bare(node).kind == "name"


def _is_path(node: Node) -> bool:
    """Return whether it is a variable, or a field below one: `a`, `a.b`, `a['b']`."""
    node = _bare(node)
    if node.kind == "index" and node.children[1].kind != "string":
        return False
    return node.kind == "name" or (node.kind in ("select", "index") and _is_path(node.children[0]))


def _lacking(node: Node, scope: _Scope) -> str | None:
    """Return which key of a path is missing first."""
    node = _bare(node)
    if node.kind == "name":
        return None
    above = node.children[0]
    if isinstance(scope.value(above.text(scope.source)), Missing):
        return _lacking(above, scope)
    key = node.word.strip("`") if node.kind == "select" else node.children[1].text(scope.source)
    return f"{excerpt(above.text(scope.source))} has no `{key}`"
