"""Validates one rule, without any record."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError, did_you_mean
from northflank_audit.model import RESOURCE_TYPE, ExampleEntry, Status
from northflank_audit.parameters import ParameterSchema, unset
from northflank_audit.policy.expressions.cel import CelError, Expression, compiled
from northflank_audit.policy.expressions.environment import ACCOUNT_VARIABLES
from northflank_audit.policy.expressions.field_reads import ACCOUNT, FieldRead
from northflank_audit.policy.lint.failing import failures
from northflank_audit.policy.reasons import SIZE
from northflank_audit.policy.rule_reads import by_collection
from northflank_audit.policy.rules.parameter_schemas import mistakes
from northflank_audit.policy.rules.rule_file import RuleEntry
from northflank_audit.resources import TYPES, Kind

ABSENT: Final = "absent"
"""The parameter that says what it means if the API omits a documented field. The engine reads it."""
MEANINGS_OF_ABSENCE: Final = ("unknown", "notapplicable", "violating", "unrestricted")
"""Its values; `unrestricted` is for rules about restrictions, whose expressions read it."""
Schemas = Mapping[str, ParameterSchema]
"""The schemas of described parameters, by name."""
MESSAGE_FIELDS = ("id", "name", "team", "project")


def diagnostics(
    document: Document, here: Path, entry: RuleEntry, schemas: Schemas, *, whole: bool = True
) -> Iterator[FileError]:
    """Yield every mistake in the rule under `here`, except those of its structure.

    `entry` has the defaults of its parameters, `schemas` those of described ones. If not `whole`, the entry lacks the
    parts with mistakes; then checks that need several parts are skipped.
    """
    if entry.resource not in TYPES:
        hint = did_you_mean(entry.resource, TYPES) or f"; choose from {', '.join(TYPES)}"
        yield document.error((*here, "resource"), f"unknown resource type '{entry.resource}'{hint}")
        entry = replace(entry, resource=RESOURCE_TYPE)  # validate the rest as if this had been meant
    expressions: dict[str, Expression] = {}
    for key in ("when", "require"):
        yield from _compiled(document, (*here, key), getattr(entry, key), entry.resource, expressions)
    whole = whole and "require" in expressions and ("when" in expressions) == (entry.when is not None)
    misnamed = [
        diagnostic
        for key, expression in (expressions.items() if whole or entry.params else ())
        for diagnostic in _parameter_diagnostics(document, (*here, key), expression, entry.params)
    ]
    yield from misnamed
    if whole and not misnamed:  # otherwise a seemingly unused one was meant
        yield from _unused(document, here, entry, list(expressions.values()))
        yield from _failures(document, here, entry, expressions)
    if whole or entry.params:
        yield from _unknown_requirements(document, here, entry)
    yield from _message_diagnostics(document, (*here, "message"), entry)
    for number, reference in enumerate(entry.references):
        if not is_web_address(reference):
            yield document.error((*here, "references", number), f"not a web address: '{reference}'")
    for number, example in enumerate(entry.tests):
        there = (*here, "tests", number)
        yield from example_diagnostics(document, there, example, entry.params, schemas)
        # A record without its detail may make any rule unknown.
        if (
            whole
            and example.detailed
            and (why := impossible(expressions.get("when"), expressions["require"], example.expect))
        ):
            yield document.error((*there, "expect"), why)


def _failures(
    document: Document, here: Path, entry: RuleEntry, expressions: Mapping[str, Expression]
) -> Iterator[FileError]:
    """Yield what fails on every record, unless the rule is not configured."""
    for key, expression in () if unset(entry.requires, entry.params) else expressions.items():
        for problem in failures(expression, entry.params):
            yield document.inside((*here, key), problem.index, problem.width, f"{key}: {problem.text}")


def _unknown_requirements(document: Document, here: Path, entry: RuleEntry) -> Iterator[FileError]:
    """Yield the required names that are not parameters of the rule."""
    for number, name in enumerate(entry.requires):
        if name not in entry.params:
            problem = f"no parameter '{name}'{did_you_mean(name, entry.params)}"
            yield document.error((*here, "requires", number), problem)


def _compiled(
    document: Document, here: Path, source: str | None, resource_type: str, expressions: dict[str, Expression]
) -> Iterator[FileError]:
    """Compile an expression into `expressions`, by its key, or yield what is wrong with it."""
    if source is None:
        return
    try:
        expressions[str(here[-1])] = compiled(source, resource_type)
    except CelError as error:
        for problem in error.problems:
            yield document.inside(here, problem.index, problem.width, f"{here[-1]}: {problem.text}")
    else:
        yield from _list_mistakes(document, here, expressions[str(here[-1])])


def _list_mistakes(document: Document, here: Path, expression: Expression) -> Iterator[FileError]:
    """Yield unknown lists of `account`, read or tested, with which the rule would never be settled."""
    places: dict[int, tuple[str, str]] = {}
    for read in expression.reads_within:
        name = read.path[1] if read.path[0] == ACCOUNT and len(read.path) > 1 else ""
        if name and (problem := _unknown_list(name)):
            matches = re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", expression.source)
            starts = [match.start() for match in matches] or [read.offset]
            places[min(starts, key=lambda start: abs(start - read.offset))] = name, problem
    for index, (name, problem) in places.items():
        yield document.inside(here, index, len(name), f"{here[-1]}: {problem}")


def _unknown_list(name: str) -> str:
    """Return what is wrong with the name of a list of `account`; empty if the list exists."""
    collections = by_collection()
    if name in collections:
        return ""
    hint = did_you_mean(name, collections) or f"; choose from {', '.join(collections)}"
    return f"unknown list '{ACCOUNT}.{name}'{hint}"


def _parameter_diagnostics(
    document: Document, here: Path, expression: Expression, params: Mapping[str, Any]
) -> Iterator[FileError]:
    for read in expression.reads:
        path = read.path[1:2] if read.tested else read.path[1:]  # has() may ask for a part of a parameter
        missing = _missing(params, path) if read.path[0] == "params" else None
        if missing:
            index, width = located(expression.source, read, missing.count(".") + 1)
            problem = f"{here[-1]}: no parameter '{missing}'{did_you_mean(missing, params)}"
            yield document.inside(here, index, width, problem)


def example_diagnostics(
    document: Document, here: Path, example: ExampleEntry, params: Mapping[str, Any], schemas: Schemas
) -> Iterator[FileError]:
    """Yield the mistakes in an example's parameters and in the names of its lists."""
    for name in example.params:
        yield from parameter_diagnostics(document, (*here, "params", name), params, schemas)
    for name in example.account or ():
        if problem := _unknown_list(name):
            yield document.error((*here, ACCOUNT, name), problem, key=True)


def parameter_diagnostics(
    document: Document, here: Path, params: Mapping[str, Any], schemas: Schemas, rule_id: str = ""
) -> Iterator[FileError]:
    """Yield why the parameter under `here` can't have this value; `rule_id` names a rule of another file."""
    name = str(here[-1])
    whose = f"'{rule_id}': " if rule_id else ""
    if problem := unfit(name, document.at(here), params, schemas):
        yield document.error(here, f"{whose}{problem}", key=name not in params)
    elif name in schemas:
        for each in mistakes(document, here, schemas[name]):
            problem = f"{whose}{name}: {each.problem}"
            yield FileError(each.path, each.line, each.column, problem, excerpt=each.excerpt)


def unfit(name: str, value: object, params: Mapping[str, Any], schemas: Schemas) -> str:
    """Return why a parameter can't have this value; empty if it can."""
    if name not in params:
        return f"no parameter '{name}'{did_you_mean(name, params)}"
    if name == ABSENT and value not in MEANINGS_OF_ABSENCE:
        return f"'{ABSENT}' is one of {', '.join(MEANINGS_OF_ABSENCE)}"
    if name not in schemas and kind_of(value) != kind_of(params[name]):
        return f"'{name}' must be {kind_of(params[name])}, like its default, not {kind_of(value)}"
    return ""


def kind_of(value: object) -> str:
    """Return what a value of YAML is, in words."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a map"}
    return kinds.get(type(value), "nothing")


def impossible(when: Expression | None, require: Expression, expected: Status) -> str:
    """Return why a rule can never give a verdict; empty if it may."""
    if expected is Status.NOTAPPLICABLE and when is None:
        return "the rule is never 'notapplicable': it has no 'when'"
    if expected is Status.UNKNOWN and not any(map(_can_be_missing, (*(when.reads if when else ()), *require.reads))):
        return "the rule is never 'unknown': it reads no field that may be missing"
    if expected in (Status.PASS, Status.FAIL) and not require.reads:
        gives = Status.PASS if require.evaluate({}) is True else Status.FAIL
        if gives is not expected:
            return f"the rule is never '{expected}': its 'require' is always {str(gives is Status.PASS).lower()}"
    return ""


def _can_be_missing(read: FieldRead) -> bool:
    if read.path[0] in ("params", "now", "detailed"):
        return False
    if read.path[1:] == ("id",) and read.path[0] not in ACCOUNT_VARIABLES:
        return False
    return not (read.tested and len(read.path) == 2)  # noqa: PLR2004 - has(credential.x)


def _unused(document: Document, here: Path, entry: RuleEntry, compiled: Sequence[Expression]) -> Iterator[FileError]:
    reads = [read.path[1:] for expression in compiled for read in expression.reads if read.path[0] == "params"]
    if () in reads:  # the expression reads the parameters as a whole
        return
    used = {path[0] for path in reads}
    try:
        used |= {
            field.removeprefix("params.") for _, field, _, _ in string.Formatter().parse(entry.message or "") if field
        }
    except ValueError:
        return
    for name in entry.params:
        if name not in used and name != ABSENT:
            problem = f"the parameter '{name}' is used nowhere{did_you_mean(name, used)}"
            yield document.error((*here, "params", name), problem, key=True)


def _message_diagnostics(document: Document, here: Path, entry: RuleEntry) -> Iterator[FileError]:
    message = entry.message or ""
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(message) if field is not None]
    except ValueError as error:
        yield document.error(here, f"message: {error}")
        return
    names = (*MESSAGE_FIELDS, *_own_fields(entry.resource), *(f"params.{name}" for name in entry.params))
    for field in fields:
        if field not in names:
            hint = did_you_mean(field, names) or f"; choose from {', '.join(f'{{{name}}}' for name in names)}"
            index = max(0, message.find("{" + field))
            yield document.inside(here, index, len(field) + 2, f"message: unknown field {{{field}}}{hint}")


def _own_fields(resource_type: str) -> Iterator[str]:
    """Yield the fields that a message about a type may use: single values by path, and sizes of lists."""
    for path, field in TYPES[resource_type].fields.items():
        if field.kind is Kind.LIST and "[]" not in path:
            yield f"{path}.{SIZE}"
        elif field.kind is not Kind.MAP and "[]" not in path and path not in MESSAGE_FIELDS:
            yield path


def is_web_address(text: str) -> bool:
    """Return whether text is an http or https address, unlike `javascript:`."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _missing(params: Mapping[str, Any], path: Sequence[str]) -> str | None:
    """Return the first part of the path that the parameters lack."""
    value: Any = params
    for depth, key in enumerate(path, 1):
        if not isinstance(value, Mapping):
            return None
        if key not in value:
            return ".".join(path[:depth])
        value = value[key]
    return None


def located(source: str, read: FieldRead, depth: int) -> tuple[int, int]:
    """Return index and width of a path's step in the expression that reads it; `depth` 0 is the variable."""
    steps = "".join(
        rf"""\s*(?:\.\s*({re.escape(step)})\b|\[\s*["']({re.escape(step)})["'])""" for step in read.path[1 : depth + 1]
    )
    matches = list(re.finditer(rf"\b({re.escape(read.path[0])})\b{steps}", source))
    if not matches:
        return min(read.offset, max(0, len(source) - 1)), 1
    nearest = min(matches, key=lambda match: abs(match.start() - read.offset))
    group = nearest.lastindex or 1
    return nearest.start(group), nearest.end(group) - nearest.start(group)
