"""Lints rules, examples, config, waivers and annotations."""

import os
from collections.abc import Iterator, Sequence

from northflank_audit.config.policy import read_tested
from northflank_audit.config.remark_reading import LongestWaiver, without_rule
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError, StartError, in_order
from northflank_audit.policy.lint.warnings import warnings
from northflank_audit.policy.remarks.remark_book import R
from northflank_audit.policy.remarks.remark_files import ANNOTATIONS, WAIVERS, RemarkForm, read, too_long
from northflank_audit.policy.rules import rulebook as rule_files
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.policy.selection import check_control
from northflank_audit.reading import read_text


def lint(
    paths: Sequence[str],
    others: Sequence[str] | None,
    waivers: str | None,
    config: Document | None,
    *,
    annotations: str | None = None,
    longest: LongestWaiver,
) -> tuple[list[FileError], int]:
    """Return every mistake and warning in rule files, their examples, a config file and remarks; and how many rules.

    `others` are more rules (none: the bundled ones) that config and remarks may be about, and that are not checked.
    Raises StartError for a file that can't be read.
    """
    book = read_tested(paths)
    problems = list(warnings(book))  # as the files have them, before the config file's overrides
    count = len(book.rules) + len(book.flawed)
    all_rules = Rulebook()
    for each in (book, *([] if others is None else [read_tested(others)])):
        all_rules.include(each)
    all_rules.diagnostics.clear()
    if config is not None:
        rule_files.override(all_rules, config)
        problems += [*config.diagnostics, *all_rules.diagnostics, *_unknown_ids(all_rules, config)]
    if waivers:
        document, entries, diagnostics = _remarks(waivers, WAIVERS, all_rules)
        problems += [*diagnostics, *too_long(document, entries, longest.today, longest.days)]
    if annotations:
        problems += _remarks(annotations, ANNOTATIONS, all_rules)[2]
    problems += [
        FileError(folder, 1, 1, "its rule files are not read: name the folder too", warning=True)
        for folder in book.unread
    ]
    return in_order([*book.diagnostics, *problems]), count


def _unknown_ids(book: Rulebook, config: Document) -> Iterator[FileError]:
    """Yield the ids among a config file's `rule` and `skip-rule`, and the controls, that no rule has."""
    for key in ("rule", "skip-rule"):
        given = config.value.get(key) if isinstance(config.value, dict) else None
        for index, rule_id in enumerate(given if isinstance(given, list) else []):
            is_known = not isinstance(rule_id, str) or rule_id in {*book.rules, *book.off}
            if not is_known and (problem := rule_files.absent(book, rule_id)):
                yield config.error((key, index), problem)
    given = config.value.get("control") if isinstance(config.value, dict) else None
    for index, name in enumerate(given if isinstance(given, list) else []):
        try:
            check_control(str(name), list(book.rules.values()), book.packs)
        except StartError as error:
            yield config.error(("control", index), str(error).removeprefix("--"))


def _remarks(path: str, form: RemarkForm[R], book: Rulebook) -> tuple[Document, list[tuple[Path, R]], list[FileError]]:
    """Return a file of waivers or annotations, what is in it, and every mistake and warning."""
    if not os.path.lexists(path):
        return Document("", path), [], [FileError(path, 1, 1, "no such file")]
    document = Document(read_text(path), path, strict=False)
    remarks, diagnostics = read(document, form)
    for here, remark in remarks:
        if problem := without_rule(remark, book):
            diagnostics.append(document.error((*here, "rule"), problem, warning=True))
    return document, remarks, diagnostics
