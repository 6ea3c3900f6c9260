"""Reads examples in separate files, `NAME.test.yaml`, which name their rule."""

from collections.abc import Iterable

from msgspec.structs import asdict, replace

from northflank_audit.documents.conversion import converted
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.model import Example
from northflank_audit.policy.expressions.cel import compiled
from northflank_audit.policy.rules import validation
from northflank_audit.policy.rules.rule_file import TestEntry, TestFile
from northflank_audit.policy.rules.rulebook import Definition, Rulebook, absent


def add_tests(book: Rulebook, files: Iterable[tuple[str, str]]) -> None:
    """Add the examples of separate files, given as (path, text), to the rules that they name."""
    for path, text in files:
        document = Document(text, path, strict=False)
        book.diagnostics.extend(document.diagnostics)
        if document.diagnostics and document.value is None:
            continue
        if not isinstance(document.value, dict) or not isinstance(document.value.get("tests"), list):
            problem = "by its name a file of examples, which needs a list under the key 'tests'"
            book.diagnostics.append(document.error(("tests",), problem))
            continue
        for key in document.value:
            if key not in TestFile.__struct_fields__:
                book.diagnostics.append(document.unknown_key((key,), TestFile.__struct_fields__))
        for index in range(len(document.value["tests"])):
            _add_test(book, document, ("tests", index))


def _add_test(book: Rulebook, document: Document, here: Path) -> None:
    entry, diagnostics = converted(document, here, TestEntry)
    book.diagnostics.extend(diagnostics)
    if entry is None:
        return
    rule = book.rules.get(entry.rule)
    if rule is None:
        if problem := absent(book, entry.rule):
            book.diagnostics.append(document.error((*here, "rule"), problem))
        return
    problems = list(validation.example_diagnostics(document, here, entry, rule.params, rule.param_schemas))
    when = compiled(rule.when, rule.resource) if rule.when else None
    if why := validation.impossible(when, compiled(rule.require, rule.resource), entry.expect):
        problems.append(document.error((*here, "expect"), why))
    book.diagnostics.extend(problems)
    if not problems:
        values = {key: value for key, value in asdict(entry).items() if key != "rule"}
        example = Example(**values, origin=f"{document.path}:{document.line(here)}")
        book.rules[rule.id] = replace(rule, tests=[*rule.tests, example])
        book.added_examples.setdefault(rule.id, []).append(Definition(document, here))
