"""Tests a rule's examples with mutants of its expressions.

A mutant is an expression with one part of its text changed. If all examples of a rule still get the expected verdict,
no example covers that part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from northflank_audit.model import Rule
from northflank_audit.policy.expressions.cel import CelError, compiled
from northflank_audit.policy.expressions.syntax import Node, excerpt, parse

_OTHERS: Final = {
    "==": ("!=",),
    "!=": ("==",),
    "<": (">=", "<="),
    "<=": (">", "<"),
    ">": ("<=", ">="),
    ">=": ("<", ">"),
    "-": ("+",),  # but not the reverse, since + mostly joins texts
    "*": ("/",),
    "/": ("*",),
    "all": ("exists",),
    "exists": ("all",),
}
"""Replacements for operators and macros; a comparison's opposite comes first, then its neighbour."""
_TIGHT: Final = {"select", "method", "index", "message", "name", "call", "group", "list", "map", "bool"}
"""Kinds of parts that "!" can precede without parentheses."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """An expression with one mistake in it."""

    what: str
    """The mistake, for a person: "`<=` became `<`"."""
    start: int
    """The position of the change in the original, in characters."""
    end: int
    source: str
    """The whole changed expression."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant of a rule, and whether an example noticed it."""

    key: str
    """`when` or `require`."""
    mutant: Mutant
    noticed: bool


Edit = tuple[str, int, int, str]
"""A change: its description, the range, and the new text."""


def trials(rule: Rule, passes: Callable[[Rule], bool]) -> Iterator[Trial]:
    """Try every mutant of a rule's `when` and `require` that compiles.

    `passes` returns whether all of a rule's examples get the expected verdict. It must be true for the unchanged rule,
    or every mutant would seem to be noticed.
    """
    for key, source in (("when", rule.when), ("require", rule.require)):
        for mutant in mutants(source) if source is not None else ():
            try:
                compiled(mutant.source, rule.resource)
            except CelError:
                continue
            mutated = replace(rule, when=mutant.source) if key == "when" else replace(rule, require=mutant.source)
            yield Trial(key, mutant, noticed=not passes(mutated))


def mutants(source: str) -> list[Mutant]:
    """Return an expression's mutants, by position. Raises CelError for invalid syntax."""
    root = parse(source)
    always = [(f"{_quoted(root, source)} became `{it}`", root.start, root.end, it) for it in ("true", "false")]
    edits = [_negated(root, source), *always, *_edits(root, source)]
    by_source: dict[str, Mutant] = {}
    for what, start, end, text in sorted(edits, key=lambda edit: edit[1:3]):
        mutated = source[:start] + text + source[end:]
        by_source.setdefault(mutated, Mutant(what, start, end, mutated))
    by_source.pop(source, None)
    return list(by_source.values())


def _edits(node: Node, source: str) -> Iterator[Edit]:
    yield from _own_edits(node, source)
    # The key of a field access is not a constant: with another key, the field is missing.
    below = node.children[:1] if node.kind == "index" and node.children[1].kind == "string" else node.children
    for child in below:
        yield from _edits(child, source)


def _own_edits(node: Node, source: str) -> Iterator[Edit]:
    match node.kind:
        case "and" | "or":
            yield from (_negated(part, source) for part in node.children)
            yield from _without_each(node, source, "the clause {} was dropped")
        case "ternary":
            yield _negated(node.children[0], source)
            for branch in node.children[1:]:
                yield f"only {_quoted(branch, source)} was left", node.start, node.end, branch.text(source)
        case "not" | "relation" if node.word in ("!", "in"):
            yield _negated(node, source)
        case "method" if len(node.children) == 1:
            yield f"`.{node.word}()` was dropped", node.children[0].end, node.end, ""
        case "relation" | "sum" | "product" | "method":
            yield from (_swapped(node, other) for other in _OTHERS.get(node.word, ()))
        case "list":
            yield from _without_each(node, source, "{} was taken out of the list")
        case "number" | "string" | "bytes" | "bool":
            for text in _other_values(node, source):
                yield f"{_quoted(node, source)} became `{text}`", node.start, node.end, text


def _negated(node: Node, source: str) -> Edit:
    if node.kind == "relation" and node.word != "in":
        return _swapped(node, _OTHERS[node.word][0])
    text = node.text(source)
    if node.kind == "not":
        return f"the `!` of {_quoted(node, source)} was dropped", node.start, node.end, text[1:].lstrip()
    negated = f"!{text}" if node.kind in _TIGHT else f"!({text})"
    return f"{_quoted(node, source)} was negated", node.start, node.end, negated


def _swapped(node: Node, other: str) -> Edit:
    return f"`{node.word}` became `{other}`", node.word_start, node.word_start + len(node.word), other


def _without_each(node: Node, source: str, what: str) -> Iterator[Edit]:
    """Drop each part in turn, with the operator or comma next to it."""
    parts = node.children
    for index, part in enumerate(parts):
        start, end = part.start, part.end
        if index + 1 < len(parts):
            end = parts[index + 1].start
        elif index:
            start = parts[index - 1].end
        yield what.format(_quoted(part, source)), start, end, ""


def _other_values(node: Node, source: str) -> Iterator[str]:
    text = node.text(source)
    if node.kind == "bool":
        yield "false" if text == "true" else "true"
    elif node.kind == "number":
        yield from _other_numbers(node.word, negative=text.startswith("-"))
    else:
        quoted = text.lstrip("bBrR")
        quote = quoted[:3] if quoted[:3] in ("'''", '"""') else quoted[0]
        yield text.removesuffix(quote) + "x" + quote
        if len(quoted) > 2 * len(quote):
            yield text.removesuffix(quoted) + 2 * quote


def _other_numbers(word: str, *, negative: bool) -> Iterator[str]:
    sign = -1 if negative else 1
    digits = word.rstrip("uU")
    if digits.startswith("0x") or digits.isdigit():
        whole = sign * (int(digits, 16) if digits.startswith("0x") else int(digits))
        unsigned = digits != word
        for other in (whole + 1, whole - 1):
            if (0 <= other < 2**64) if unsigned else (-(2**63) <= other < 2**63):
                yield f"{other}u" if unsigned else str(other)
    else:
        value = sign * float(word)
        yield from (str(other) for other in (value + 1, value - 1) if other != value)


def _quoted(node: Node, source: str) -> str:
    return f"`{excerpt(node.text(source))}`"
