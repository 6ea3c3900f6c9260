"""Parses expressions into parts with their positions in the text.

The engine keeps neither ranges nor macros, so this parses the language again, by the grammar of the CEL specification's
langdef.md. It accepts what the engine accepts, and a little more: the engine decides whether an expression is valid.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from northflank_audit.policy.expressions.cel import CelError
from northflank_audit.policy.expressions.compile_errors import Problem
from northflank_audit.printable import shortened

# A "-" before a number is the number's sign: LALR shifts, and so does the engine.
_GRAMMAR: Final = r"""
?ternary: or ("?" or ":" ternary)?
?or: and ("||" and)*
?and: relation ("&&" relation)*
?relation: (relation ("<" | "<=" | ">" | ">=" | "==" | "!=" | "in"))? sum
?sum: (sum ("+" | "-"))? product
?product: (product ("*" | "/" | "%"))? unary
?unary: member | "!"+ member -> not | _dashes member -> minus
_dashes: _dashes? "-"
?member: primary
    | member "." (NAME | QUOTED) -> select
    | member "." NAME "(" _list? ")" -> method
    | member "[" ternary "]" -> index
    | member "{" (_fields ","? | ",")? "}" -> message
?primary: "."? NAME -> name
    | "."? NAME "(" _list? ")" -> call
    | "(" ternary ")" -> group
    | "[" (_list ","? | ",")? "]" -> list
    | "{" (_entries ","? | ",")? "}" -> map
    | "-"? (FLOAT | UINT | INT) -> number
    | STRING -> string
    | BYTES -> bytes
    | ("true" | "false") -> bool
    | "null" -> null
_list: (_list ",")? ternary
_entries: (_entries ",")? ternary ":" ternary
_fields: (_fields ",")? (NAME | QUOTED) ":" ternary

NAME: /[A-Za-z_][A-Za-z0-9_]*/
QUOTED: /`[A-Za-z0-9_.\/ -]+`/
FLOAT.3: /[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+/
UINT.2: /(0x[0-9A-Fa-f]+|[0-9]+)[uU]/
INT.1: /0x[0-9A-Fa-f]+|[0-9]+/
STRING.1: /[rR]('{3}.*?'{3}|"{3}.*?"{3}|'[^'\r\n]*'|"[^"\r\n]*")/s
    | /'{3}([^\\]|\\.)*?'{3}|"{3}([^\\]|\\.)*?"{3}|'([^'\\\r\n]|\\.)*'|"([^"\\\r\n]|\\.)*"/s
BYTES.1: /[bB]/ STRING
%ignore /[\t\n\f\r ]+/
%ignore /\/\/[^\n]*/
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression."""

    kind: str
    """As the grammar names it: `ternary`, `and`, `select`, …; `group` is a pair of parentheses."""
    start: int
    """Its range in the expression, in characters."""
    end: int
    word: str
    """Its operator, function, field, name, or literal without a sign."""
    word_start: int
    children: tuple["Node", ...]
    """The parts directly below it, in order, the object of a field or method first. `a && b && c` has three."""

    def text(self, source: str) -> str:
        """Return its text."""
        return source[self.start : self.end]

    def walk(self) -> Iterator["Node"]:
        """Yield it and all parts below it, from left to right."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(source: str) -> Node:
    """Return an expression's tree. Raises CelError for invalid syntax."""
    try:
        tree = _parser().parse(source)
    except UnexpectedInput as error:
        raise CelError([Problem("not valid CEL", max(error.pos_in_stream or 0, 0))]) from None
    assert isinstance(tree, Node)  # noqa: S101 - what _Builder makes
    return tree


def excerpt(text: str, limit: int = 60) -> str:
    """Return text as one printable line of at most `limit` characters."""
    line = re.sub(r"\s*\n\s*", " ", text)
    line = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
    return shortened(line, limit)


class _Builder:
    """Builds the nodes, as a lark transformer."""

    def __default__(self, kind: str, parts: list[Any], _: object) -> Node | Tree[Any]:
        if kind.startswith("_"):  # lark inlines its parts
            return Tree(kind, parts)
        tokens = [part for part in parts if isinstance(part, Token)]
        word = next((token for token in tokens if token.type not in ("DOT", "MINUS")), tokens[0])
        children = tuple(part for part in parts if isinstance(part, Node))
        return Node(kind, _start(parts[0]), _end(parts[-1]), str(word), _start(word), children)


def _start(part: Node | Token) -> int:
    at: int | None = part.start if isinstance(part, Node) else part.start_pos
    assert at is not None  # noqa: S101 - a token of a text has its place
    return at


def _end(part: Node | Token) -> int:
    return part.end if isinstance(part, Node) else _start(part) + len(part)


@cache
def _parser() -> Lark:
    """Return the parser, which takes a while to build."""
    builder: Any = _Builder()
    return Lark(_GRAMMAR, start="ternary", parser="lalr", lexer="basic", keep_all_tokens=True, transformer=builder)
