"""Reads waivers and annotations, and warns of those about unknown rules."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from northflank_audit import bundled
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors, in_order
from northflank_audit.policy.remarks.remark_book import R
from northflank_audit.policy.remarks.remark_files import (
    ANNOTATIONS,
    WAIVERS,
    RemarkForm,
    nearest,
    read,
    too_long,
    unmatched,
)
from northflank_audit.policy.rules.rulebook import Rulebook, absent
from northflank_audit.reading import read_text
from northflank_audit.remarks import Annotation, Remark, Waiver


class LongestWaiver(NamedTuple):
    """How long a waiver may last."""

    today: dt.date
    days: int


def read_waivers(path: str, name: str, longest: LongestWaiver | None) -> list[tuple[str, Waiver]]:
    """Read a waiver file, called `name`: each waiver with its `file:line`. Raises FileErrors with every mistake."""
    document = Document(read_text(path), name, strict=False)
    found, diagnostics = read(document, WAIVERS)
    if longest is not None:
        diagnostics += too_long(document, found, longest.today, longest.days)
    if diagnostics:
        raise FileErrors(in_order(diagnostics))
    return [(f"{document.path}:{document.line(here)}", waiver) for here, waiver in found]


def read_annotations(path: str) -> list[tuple[str, Annotation]]:
    """Read a file of annotations: each with its `file:line`. Raises FileErrors with every mistake."""
    return read_remarks(path, ANNOTATIONS)


def read_remarks(path: str, form: RemarkForm[R]) -> list[tuple[str, R]]:
    """Read a file of remarks: each with its `file:line`. Raises FileErrors with every mistake."""
    document = Document(read_text(path), path, strict=False)
    found, diagnostics = read(document, form)
    if diagnostics:
        raise FileErrors(diagnostics)
    return [(f"{document.path}:{document.line(here)}", remark) for here, remark in found]


def without_rule(remark: Remark, book: Rulebook) -> str:
    """Return why a remark matches no rule of a book; empty if it does, or may match one that has mistakes."""
    if not unmatched(remark, {*book.rules, *book.flawed}):
        return ""
    elsewhere = remark.rule in book.off or remark.rule in bundled.rule_packs()
    return absent(book, remark.rule) if elsewhere else unmatched(remark, {*book.rules, *book.off})


def misspelt(remarks: Sequence[tuple[str, Remark]], book: Rulebook) -> Iterator[str]:
    """Yield a warning for each remark that names no rule, if another rule is likely to be meant.

    One about a bundled rule that is not selected is ignored: it is meant for another run.
    """
    known = {*book.rules, *book.off, *book.flawed}
    astray = [(place, remark) for place, remark in remarks if unmatched(remark, known)]
    known |= bundled.rule_packs().keys() if astray else set()
    for place, remark in astray:
        if (problem := unmatched(remark, known)) and nearest(remark, known):
            yield f"{place}: {problem}, so it covers nothing"
