"""Warns of rules that are well-formed but probably not meant."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from northflank_audit.errors import FileError, did_you_mean
from northflank_audit.model import Example, Rule, Status
from northflank_audit.policy.expressions.cel import compiled
from northflank_audit.policy.expressions.field_reads import FieldRead
from northflank_audit.policy.lint.clauses import suspect_clauses
from northflank_audit.policy.lint.vacuous import vacuous_parts
from northflank_audit.policy.rules.examples import example_id, run
from northflank_audit.policy.rules.rulebook import Definition, Rulebook
from northflank_audit.policy.rules.validation import impossible
from northflank_audit.resources import TYPES, ResourceType

EXPECTED = (Status.PASS, Status.FAIL, Status.UNKNOWN)
"""The verdicts that a rule's examples should show, if the rule can give them."""


def warnings(book: Rulebook) -> Iterator[FileError]:
    """Yield warnings about the rules of a book."""
    for rule_id, rule in book.rules.items():
        yield from of_rule(rule, book.definitions[rule_id])
        for example in (*_examples(book.definitions[rule_id]), *book.added_examples.get(rule_id, ())):
            yield from _merged_records(example, TYPES[rule.resource])


def of_rule(rule: Rule, definition: Definition) -> Iterator[FileError]:
    """Yield warnings about one rule."""
    for key, source in (("when", rule.when), ("require", rule.require)):
        if source is None:
            continue
        expression = compiled(source, rule.resource)
        yield from vacuous_parts(definition, key, expression)
        for problem in suspect_clauses(expression.source, rule.resource) if expression.reads else ():
            here = (*definition.here, key)
            yield definition.document.inside(here, problem.index, problem.width, f"{key}: {problem.text}", warning=True)
    yield from _preset(rule, definition)
    yield from _misspelt_records(definition, TYPES[rule.resource])
    yield from unshown(rule, definition)


def _preset(rule: Rule, definition: Definition) -> Iterator[FileError]:
    """Yield the required parameters with a non-empty default, for which the requirement has no effect."""
    for name in rule.requires:
        if name not in rule.unset:
            here = (*definition.here, "params", name)
            problem = f"'requires' names '{name}', whose default is not empty: the rule runs whether it is set or not"
            yield definition.document.error(here, problem, warning=True)


def _misspelt_records(definition: Definition, kind: ResourceType) -> Iterator[FileError]:
    """Yield the fields of an example's record that look like misspelt fields of the API."""
    document, here = definition.document, definition.here
    for number, example in enumerate(document.at(here).get("tests") or []):
        given = example.get("given") or {}
        for key in given:
            names = kind.below(())
            hint = did_you_mean(key, names) if key not in names else ""
            if hint:  # a name unlike any known field may be intended
                there = (*here, "tests", number, "given", key)
                yield document.error(there, f"the API has no field '{key}'{hint}", key=True, warning=True)


def _examples(definition: Definition) -> Iterator[Definition]:
    """Yield where the examples within a rule stand."""
    document, here = definition.document, definition.here
    yield from (Definition(document, (*here, "tests", n)) for n in range(len(document.at(here).get("tests") or [])))


def _merged_records(example: Definition, kind: ResourceType) -> Iterator[FileError]:
    """Yield the records of an example's lists that are taken for `given`, by their id or without any, and differ."""
    document, here = example.document, example.here
    value = document.at(here)
    given, account = value.get("given") or {}, value.get("account") or {}
    own = [
        (("resources",), value.get("resources") or []),
        (("account", kind.collection), account.get(kind.collection) or []),
    ]
    for where, records in own if kind.listing is not None else ():
        for number, record in enumerate(records):
            if example_id(record, kind) == example_id(given, kind):
                if record != given and not record.items() <= given.items():
                    same = "neither has an id" if kind.identity(record) is None else "it has the same id"
                    problem = f"this {kind.singular} counts as that of 'given', because {same}, but differs from it"
                    yield document.error((*here, *where, number), problem, warning=True)
                break


def unshown(rule: Rule, definition: Definition) -> Iterator[FileError]:
    """Yield a warning if the rule can give a verdict that none of its examples shows."""
    when = compiled(rule.when, rule.resource) if rule.when else None
    require = compiled(rule.require, rule.resource)
    statuses = {example.expect for example in rule.tests}
    lacking = [status for status in EXPECTED if status not in statuses and not impossible(when, require, status)]
    reads = [*(when.reads if when else ()), *require.reads]
    if Status.UNKNOWN in lacking and rule.tests and not _can_be_unknown(rule, reads):
        lacking.remove(Status.UNKNOWN)
    if lacking:
        names = " or ".join(f"'{status}'" for status in lacking)
        here = (*definition.here, "id")
        yield definition.document.error(here, f"no example of '{rule.id}' gives {names}", warning=True)


def _can_be_unknown(rule: Rule, reads: Sequence[FieldRead]) -> bool:
    """Return whether the rule is unknown for an example without one of its fields; it may guard all of them."""
    for example in rule.tests:
        fewer: list[Example] = [replace(example, resources=None), replace(example, projects=None)]
        for read in reads:
            fewer += [
                replace(example, given=_without(example.given, read.path[1:end]))
                for end in range(2, len(read.path) + 1)
                if read.path[0] == TYPES[rule.resource].variable
            ]
        if any(outcome.got is Status.UNKNOWN for outcome in run([replace(rule, tests=fewer)])):
            return True
    return False


def _without(record: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return a record without the field at a path."""
    if len(path) > 1 and isinstance(record.get(path[0]), dict):
        return {**record, path[0]: _without(record[path[0]], path[1:])}
    return {key: value for key, value in record.items() if key != path[0]}
