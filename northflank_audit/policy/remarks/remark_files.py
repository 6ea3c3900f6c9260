"""The structure of waiver and annotation files, and their mistakes."""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, Generic

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.documents.conversion import converted
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError, did_you_mean
from northflank_audit.policy.remarks.remark_book import R, is_about
from northflank_audit.remarks import Annotation, Remark, Waiver
from northflank_audit.resources import TYPES

CLOSE: Final = 0.7
"""How similar, from 0 to 1, the id of a rule must be to be suggested."""


class RemarkForm(msgspec.Struct, Generic[R], frozen=True):
    """A kind of remark and its file format."""

    name: str
    """Its name in messages: `waiver`."""
    kind: type[R]
    text: str
    """The field that may have whitespace around it, as folded YAML does."""
    problems: Callable[[R], Iterator[tuple[str, str]]]
    """Yields the problems of a well-formed one, each with its key."""

    @property
    def key(self) -> str:
        """The key of the list in a file."""
        return f"{self.name}s"

    @property
    def one(self) -> str:
        """One of them, with its article."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


def _needed(remark: Remark, keys: Sequence[str], one: str) -> Iterator[tuple[str, str]]:
    for key in keys:
        if not getattr(remark, key).strip():
            yield key, f"{one} needs its {key}"


def _problems_of_waiver(waiver: Waiver) -> Iterator[tuple[str, str]]:
    yield from _needed(waiver, ("rule", "resource", "reason", "owner"), "a waiver")


def _problems_of_annotation(annotation: Annotation) -> Iterator[tuple[str, str]]:
    yield from _needed(annotation, ("rule", "resource"), "an annotation")
    if annotation.incorrect:
        yield from _needed(annotation, ("comment",), "an annotation with 'incorrect: true'")
    elif annotation.due is UNSET and not (annotation.owner.strip() or annotation.comment.strip()):
        yield "", "an annotation needs 'owner', 'due' or 'comment'"


WAIVERS: Final = RemarkForm("waiver", Waiver, "reason", _problems_of_waiver)
ANNOTATIONS: Final = RemarkForm("annotation", Annotation, "comment", _problems_of_annotation)


def read(document: Document, form: RemarkForm[R]) -> tuple[list[tuple[Path, R]], list[FileError]]:
    """Return the remarks of a file, each with its position, and every mistake in it."""
    diagnostics = list(document.diagnostics)
    value: Any = document.value
    entries = value.get(form.key, []) if isinstance(value, dict) else None
    if not isinstance(entries, list):
        if not diagnostics:
            problem = f"{form.one} file needs a list under the key '{form.key}'"
            diagnostics.append(document.error((form.key,), problem))
        return [], diagnostics
    diagnostics += [document.unknown_key((key,), [form.key]) for key in value if key != form.key]
    remarks: list[tuple[Path, R]] = []
    for index in range(len(entries)):
        here: Path = (form.key, index)
        remark, found = converted(document, here, form.kind)
        if remark is not None:
            problems = [*form.problems(remark), *_unknown_type(remark)]
            found = [document.error((*here, key) if key else here, problem) for key, problem in problems]
            remarks.append((here, replace(remark, **{form.text: getattr(remark, form.text).strip()})))
        diagnostics += found
    return remarks, diagnostics


def _unknown_type(remark: Remark) -> Iterator[tuple[str, str]]:
    if remark.type is not UNSET and remark.type not in TYPES:
        yield "type", f"unknown type '{remark.type}'{did_you_mean(remark.type, TYPES)}; see: types"


def too_long(
    document: Document, waivers: Sequence[tuple[Path, Waiver]], today: dt.date, most: int
) -> Iterator[FileError]:
    """Yield a mistake for each waiver that ends more than `most` days after `today`."""
    for here, waiver in waivers:
        if (waiver.expires - today).days > most:
            yield document.error((*here, "expires"), beyond(waiver.expires, most))


def beyond(day: dt.date, most: int) -> str:
    """Return what is wrong with a waiver's last day that is too late."""
    return f"{day} is in more than {most} days, the most that a waiver may last (max-waiver-days)"


def unmatched(remark: Remark, rule_ids: Collection[str]) -> str:
    """Return that a remark names none of these rules, with the nearest one; empty if it does."""
    if any(is_about(remark, rule_id) for rule_id in rule_ids):
        return ""
    problem = "no rule matches" if remark.rule != _literal(remark.rule) else "no rule"
    return f"{problem} '{remark.rule}'{nearest(remark, rule_ids)}"


def nearest(remark: Remark, rule_ids: Collection[str]) -> str:
    """Return the rule that a remark is likely to mean, as a hint; empty if none is similar.

    A pattern without its wildcards is compared with the beginnings of ids.
    """
    import difflib  # noqa: PLC0415 - only mistakes need it

    literal = _literal(remark.rule)
    if literal == remark.rule:
        near = difflib.get_close_matches(literal, rule_ids, n=1, cutoff=CLOSE)
        return f" (did you mean '{near[0]}'?)" if near else ""
    lengths = range(max(1, len(literal) - 1), len(literal) + 2)
    heads = {rule_id[:length]: rule_id for rule_id in sorted(rule_ids, reverse=True) for length in lengths}
    near = difflib.get_close_matches(literal, heads, n=1, cutoff=CLOSE)
    if near and remark.rule == f"{literal}*":
        return f" (did you mean '{near[0]}*'?)"
    return f" (the nearest is '{heads[near[0]]}')" if near else ""


def _literal(pattern: str) -> str:
    return re.sub(r"[*?\[\]]", "", pattern)
