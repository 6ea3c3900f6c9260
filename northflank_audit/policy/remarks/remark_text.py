"""Adds remarks to the text of a file.

Every other character stays: comments, order, line ends.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import yaml

from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors, StartError
from northflank_audit.policy.remarks.remark_book import R
from northflank_audit.policy.remarks.remark_files import RemarkForm, read
from northflank_audit.remarks import Remark

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LINE_WIDTH: Final = 2**30
"""Characters per line, so that no line is folded."""


def added(text: str, path: str, form: RemarkForm[R], remarks: Sequence[R]) -> tuple[str, list[int]]:
    """Return the text with remarks put behind the others, and the lines, from 1, on which they begin.

    Raises FileErrors for a file with mistakes, and StartError for one that they can't be put into as they should be.
    """
    document = Document(text, path, strict=False)
    old, diagnostics = ([], document.diagnostics) if document.value is None else read(document, form)
    empty = isinstance(document.value, dict) and list(document.value) == [form.key] and not document.value[form.key]
    if diagnostics and (document.diagnostics or not empty):
        raise FileErrors(diagnostics)
    at, piece = _piece(document, text, form.key, remarks)
    new = text[:at] + piece + text[at:]
    after = Document(new, path, strict=False)
    everything, diagnostics = read(after, form)
    if diagnostics or [each for _, each in everything] != [*(each for _, each in old), *remarks]:
        raise StartError(
            f"{path}: {form.one} can't be added to a file of this form; add it yourself:\n{_block(remarks)}"
        )
    return new, [after.line(here) for here, _ in everything[len(old) :]]


def entry(remark: Remark) -> dict[str, Any]:
    """Return a remark as a file has it, its keys in the order in which they are written."""
    made: dict[str, Any] = msgspec.to_builtins(remark)
    return made


def _piece(document: Document, text: str, key: str, remarks: Sequence[Remark]) -> tuple[int, str]:
    """Return the position and the text to insert."""
    end_of_line = (_LINE_END.findall(text) or ["\n"])[0]
    node = document.node((key,))
    if node is None:  # nothing, or nothing but comments
        return len(text), _lines(_after(text, len(text), end_of_line), f"{key}:\n" + _block(remarks), end_of_line)
    if isinstance(node, yaml.SequenceNode) and node.flow_style:
        start = _original(text, node.value[-1].end_mark.index if node.value else node.start_mark.index + 1)
        return start, (", " if node.value else "") + ", ".join(map(_flow, remarks))
    if isinstance(node, yaml.SequenceNode):
        indent = node.start_mark.column
        at = _past_comments(text, _line_end(text, _original(text, _last(node).end_mark.index)), indent)
    else:
        indent = 2
        at = _line_end(text, _original(text, node.start_mark.index))
    return at, _lines(_after(text, at, end_of_line), _block(remarks, " " * indent), end_of_line)


def _lines(before: str, block: str, end_of_line: str) -> str:
    return before + block.replace("\n", end_of_line)


def _block(remarks: Sequence[Remark], indent: str = "  ") -> str:
    return "".join(
        f"{indent}{'  ' if number else '- '}{key}: {_scalar(value)}\n"
        for remark in remarks
        for number, (key, value) in enumerate(entry(remark).items())
    )


def _flow(remark: Remark) -> str:
    return "{" + ", ".join(f"{key}: {_quoted(value)}" for key, value in entry(remark).items()) + "}"


def _scalar(value: Any) -> str:
    """Return a value as YAML writes it: text plain where that says the same, else quoted, on one line."""
    if not isinstance(value, str):
        return _quoted(value)
    plain: str = yaml.safe_dump(value, allow_unicode=True, width=_LINE_WIDTH).removesuffix("...\n").removesuffix("\n")
    is_date = re.fullmatch(r"'\d{4}-\d\d-\d\d'", plain)
    return _quoted(value) if len(value.splitlines()) > 1 else value if is_date else plain


def _quoted(value: Any) -> str:
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()  # null, true
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
