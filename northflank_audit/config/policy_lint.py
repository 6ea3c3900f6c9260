"""Finds mistakes and warnings in rule, example, config and waiver files."""

import os
from collections.abc import Iterator, Sequence

from northflank_audit.config.policy import read_tested
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileError, in_order
from northflank_audit.policy.lint.warnings import warnings
from northflank_audit.policy.rules import rulebook as rule_files
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.policy.waivers import waiver_book as waiver_files
from northflank_audit.reading import read_text


def lint(
    paths: Sequence[str], others: Sequence[str] | None, waivers: str | None, config: Document | None
) -> tuple[list[FileError], int]:
    """Return every mistake and warning in rule files, their examples, a config file and waivers; and how many rules.

    `others` are further rules (none: the bundled ones) that config and waivers may name; they are not checked.
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
    if waivers and not os.path.lexists(waivers):
        problems.append(FileError(waivers, 1, 1, "no such file"))
    elif waivers:
        document = Document(read_text(waivers), waivers, strict=False)
        entries, diagnostics = waiver_files.read(document)
        problems += diagnostics
        for here, waiver in entries:
            if waiver.rule not in all_rules.rules and (problem := rule_files.absent(all_rules, waiver.rule)):
                problems.append(document.error((*here, "rule"), problem, warning=True))
    problems += [
        FileError(folder, 1, 1, "its rule files are not read: name the folder too", warning=True)
        for folder in book.unread
    ]
    return in_order([*book.diagnostics, *problems]), count


def _unknown_ids(book: Rulebook, config: Document) -> Iterator[FileError]:
    """Yield the ids among a config file's `rule` and `skip-rule` that no rule has."""
    for key in ("rule", "skip-rule"):
        given = config.value.get(key) if isinstance(config.value, dict) else None
        for index, rule_id in enumerate(given if isinstance(given, list) else []):
            is_known = not isinstance(rule_id, str) or rule_id in {*book.rules, *book.off}
            if not is_known and (problem := rule_files.absent(book, rule_id)):
                yield config.error((key, index), problem)
