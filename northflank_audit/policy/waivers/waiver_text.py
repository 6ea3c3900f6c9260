"""Adds a waiver to the text of a waiver file, and changes nothing else."""

import re
from typing import Any, Final

import yaml
from msgspec import UNSET

from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors, StartError
from northflank_audit.model import Waiver
from northflank_audit.policy.waivers.waiver_book import read

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LINE_WIDTH: Final = 2**30
"""Characters per line, so that no line is folded."""


def added(text: str, path: str, waiver: Waiver) -> tuple[str, int]:
    """Return the text with the waiver after the others, and the line, from 1, on which it begins.

    Raises FileErrors for a file with mistakes, and StartError for one to which it can't be added.
    """
    document = Document(text, path, strict=False)
    old, diagnostics = ([], document.diagnostics) if document.value is None else read(document)
    empty = isinstance(document.value, dict) and list(document.value) == ["waivers"] and not document.value["waivers"]
    if diagnostics and (document.diagnostics or not empty):
        raise FileErrors(diagnostics)
    at, piece = _piece(document, text, waiver)
    new = text[:at] + piece + text[at:]
    after = Document(new, path, strict=False)
    waivers, diagnostics = read(after)
    if diagnostics or [each for _, each in waivers] != [*(each for _, each in old), waiver]:
        raise StartError(f"{path}: can't add a waiver to a file of this form; add it yourself:\n{_block(waiver)}")
    return new, after.line(waivers[-1][0])


def entry(waiver: Waiver) -> dict[str, str | None]:
    """Return a waiver as a map, with its keys in the usual order."""
    scope = {"team": waiver.team, "project": waiver.project, "type": waiver.type}
    narrowed = {key: value for key, value in scope.items() if value is not UNSET}
    owned = {"reason": waiver.reason, "owner": waiver.owner, "expires": waiver.expires.isoformat()}
    return {"rule": waiver.rule, "resource": waiver.resource, **narrowed, **owned}


def _piece(document: Document, text: str, waiver: Waiver) -> tuple[int, str]:
    """Return the position and the text to insert."""
    end_of_line = (_LINE_END.findall(text) or ["\n"])[0]
    node = document.node(("waivers",))
    if node is None:  # nothing, or nothing but comments
        return len(text), _lines(_after(text, len(text), end_of_line), "waivers:\n" + _block(waiver, "  "), end_of_line)
    if isinstance(node, yaml.SequenceNode) and node.flow_style:
        start = _original(text, node.value[-1].end_mark.index if node.value else node.start_mark.index + 1)
        return start, (", " if node.value else "") + _flow(waiver)
    if isinstance(node, yaml.SequenceNode):
        indent = node.start_mark.column
        at = _past_comments(text, _line_end(text, _original(text, _last(node).end_mark.index)), indent)
    else:
        indent = 2
        at = _line_end(text, _original(text, node.start_mark.index))
    return at, _lines(_after(text, at, end_of_line), _block(waiver, " " * indent), end_of_line)


def _lines(before: str, block: str, end_of_line: str) -> str:
    return before + block.replace("\n", end_of_line)


def _block(waiver: Waiver, indent: str = "  ") -> str:
    lines = [f"{key}: {_scalar(value)}" for key, value in entry(waiver).items()]
    return "".join(f"{indent}{'- ' if not number else '  '}{line}\n" for number, line in enumerate(lines))


def _flow(waiver: Waiver) -> str:
    return "{" + ", ".join(f"{key}: {_quoted(value)}" for key, value in entry(waiver).items()) + "}"


def _scalar(value: str | None) -> str:
    """Return text as YAML on one line: plain if that is unambiguous, else quoted."""
    if value is None:
        return "null"
    plain: str = yaml.safe_dump(value, allow_unicode=True, width=_LINE_WIDTH).removesuffix("...\n").removesuffix("\n")
    is_date = re.fullmatch(r"'\d{4}-\d\d-\d\d'", plain)
    return _quoted(value) if len(value.splitlines()) > 1 else value if is_date else plain


def _quoted(value: str | None) -> str:
    if value is None:
        return "null"
    quoted: Any = yaml.safe_dump(value, allow_unicode=True, width=_LINE_WIDTH, default_style='"')
    return str(quoted).rstrip("\n")


def _last(node: yaml.Node) -> yaml.Node:
    """Return the last node of a list with text of its own, because a block ends where the next node begins."""
    while not isinstance(node, yaml.ScalarNode) and node.value and not getattr(node, "flow_style", False):
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _original(text: str, index: int) -> int:
    """Return the position in the text of a character of the document, which has only line feeds."""
    at = int(text.startswith("\ufeff"))
    for _ in range(index):
        at += 2 if text.startswith("\r\n", at) else 1
    return at


def _line_end(text: str, at: int) -> int:
    """Return where the next line begins; after a block of text, which includes its line end, that is here."""
    if at and text[at - 1] in "\r\n":
        return at
    match = _LINE_END.search(text, at)
    return match.end() if match else len(text)


def _past_comments(text: str, at: int, indent: int) -> int:
    """Return the position after the comments that are indented like the last waiver's keys."""
    while match := re.compile(rf" {{{indent + 1},}}#[^\r\n]*(\r\n|\r|\n|$)").match(text, at):
        at = match.end()
    return at


def _after(text: str, at: int, end_of_line: str) -> str:
    """Return the line end that is missing before `at`, if any."""
    before = text[:at].removeprefix("\ufeff")
    return end_of_line if before and not before.endswith(("\n", "\r")) else ""
