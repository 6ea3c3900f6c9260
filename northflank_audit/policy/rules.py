"""Rule files: their form, and every check that can be made before a record is seen."""

import hashlib
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from northflank_audit.errors import FileError, FileErrors, StartError, did_you_mean
from northflank_audit.model import RESOURCE_TYPE, Example, Rule, Severity
from northflank_audit.policy.cel import CelError, Expression
from northflank_audit.policy.yamlfile import Document

RuleId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+$", min_length=1)]
Text = Annotated[str, Meta(min_length=1)]

MESSAGE_FIELDS = ("id", "name", "provider", "team")


class RuleEntry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule as a rule file writes it."""

    id: RuleId
    title: Text
    severity: Severity
    require: Text
    resource: Literal["registry-credential", "account"] = RESOURCE_TYPE
    when: Text | None = None
    params: dict[str, Any] = {}
    message: Text | None = None
    rationale: str = ""
    remediation: str = ""
    references: list[str] = []
    controls: dict[str, list[str]] = {}
    tests: list[Example] = []


class RuleFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule file."""

    rules: Annotated[list[RuleEntry], Meta(min_length=1)]


class Override(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a config file changes of a rule."""

    severity: Severity | None = None
    params: dict[str, Any] = {}


def load(files: Iterable[tuple[str, str]]) -> list[Rule]:
    """Read and check rule files, given as (path, text). Raises FileErrors with every mistake found."""
    rules: dict[str, Rule] = {}
    errors: list[FileError] = []
    for path, text in files:
        for found in _read(path, text):
            if isinstance(found, FileError):
                errors.append(found)
            elif found.id in rules:
                line = int(found.origin.rpartition(":")[2])
                problem = f"the rule id '{found.id}' is taken by {rules[found.id].origin}"
                errors.append(FileError(path, line, 1, problem))
            else:
                rules[found.id] = found
    if errors:
        raise FileErrors(errors)
    return list(rules.values())


def _read(path: str, text: str) -> Iterator[Rule | FileError]:
    try:
        document = Document(text, path)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        value = document.value
        if not isinstance(value, dict) or not isinstance(value.get("rules"), list) or not value["rules"]:
            raise document.error(("rules",), "a rule file holds a list under the key 'rules'")
        for key in value:
            if key != "rules":
                yield document.error((key,), f"unknown key '{key}'", key=True)
        for index in range(len(value["rules"])):
            try:
                entry = document.convert(("rules", index), RuleEntry)
            except FileError as error:
                yield error
                continue
            problems = list(_problems(document, index, entry))
            yield from problems
            if not problems:
                yield _rule(entry, f"{path}:{document.line(('rules', index))}", sha256)
    except FileError as error:
        yield error


def _rule(entry: RuleEntry, origin: str, sha256: str) -> Rule:
    return Rule(
        id=entry.id,
        title=entry.title,
        severity=entry.severity,
        require=entry.require,
        when=entry.when,
        params=entry.params,
        message=entry.message or f"{{name}}: {entry.title}",
        rationale=entry.rationale.strip(),
        remediation=entry.remediation.strip(),
        references=entry.references,
        controls=entry.controls,
        tests=entry.tests,
        origin=origin,
        resource=entry.resource,
        sha256=sha256,
    )


def _problems(document: Document, index: int, entry: RuleEntry) -> Iterator[FileError]:
    here = ("rules", index)
    for key in ("when", "require"):
        source = getattr(entry, key)
        if source is not None:
            yield from _expression_problems(document, (*here, key), source, entry)
    yield from _message_problems(document, (*here, "message"), entry)
    for number, reference in enumerate(entry.references):
        if not is_web_address(reference):
            yield document.error((*here, "references", number), f"not a web address: '{reference}'")
    for number, example in enumerate(entry.tests):
        for name in example.params:
            if name not in entry.params:
                problem = f"no parameter '{name}'{did_you_mean(name, entry.params)}"
                yield document.error((*here, "tests", number, "params", name), problem, key=True)


def _expression_problems(
    document: Document, here: tuple[str | int, ...], source: str, entry: RuleEntry
) -> Iterator[FileError]:
    key, params = here[-1], entry.params
    try:
        expression = Expression(source, entry.resource)
    except CelError as error:
        yield document.inside(here, error.line, error.column, f"{key}: {error.problem}")
        return
    for read in expression.reads:
        missing = read.path[0] == "params" and not read.tested and _missing(params, read.path[1:])
        if missing:
            line, column = _position(source, read.offset)
            yield document.inside(here, line, column, f"{key}: no parameter '{missing}'{did_you_mean(missing, params)}")


def _message_problems(document: Document, here: tuple[str | int, ...], entry: RuleEntry) -> Iterator[FileError]:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(entry.message or "") if field is not None]
    except ValueError as error:
        yield document.error(here, f"message: {error}")
        return
    known = (*MESSAGE_FIELDS, *(f"params.{name}" for name in entry.params))
    for field in fields:
        if field not in known:
            yield document.error(
                here, f"message: no {{{field}}}; there is {', '.join(f'{{{name}}}' for name in known)}"
            )


def is_web_address(text: str) -> bool:
    """Tell whether text is an http or https address, and so no `javascript:`."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _missing(params: Mapping[str, Any], path: Sequence[str]) -> str | None:
    """Return the first part of the path that the parameters do not have."""
    value: Any = params
    for depth, key in enumerate(path, 1):
        if not isinstance(value, Mapping):
            return None
        if key not in value:
            return ".".join(path[:depth])
        value = value[key]
    return None


def _position(source: str, offset: int) -> tuple[int, int]:
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def select(rules: Sequence[Rule], only: Sequence[str], skip: Sequence[str]) -> list[Rule]:
    """Return the rules to run. Raises StartError for an id that no rule has, or when none is left."""
    known = {rule.id for rule in rules}
    for name in (*only, *skip):
        if name not in known:
            raise StartError(f"no rule has the id '{name}'{did_you_mean(name, known)}; see: rules list")
    selected = [rule for rule in rules if (not only or rule.id in only) and rule.id not in skip]
    if not selected:
        raise StartError("no rule is left to run: nothing would be checked")
    return selected


def override(rules: Sequence[Rule], document: Document) -> list[Rule]:
    """Apply a config file's `overrides`. Raises FileErrors for what no rule or parameter has."""
    changes = (document.value or {}).get("overrides") or {}
    if not isinstance(changes, dict):
        raise document.error(("overrides",), "overrides maps rule ids to what changes")
    by_id = {rule.id: rule for rule in rules}
    errors: list[FileError] = []
    for rule_id, value in changes.items():
        here = ("overrides", rule_id)
        rule = by_id.get(rule_id)
        if rule is None:
            errors.append(document.error(here, f"no rule '{rule_id}'{did_you_mean(rule_id, by_id)}", key=True))
        elif value is False or value == "off":
            del by_id[rule_id]
        else:
            try:
                by_id[rule_id] = _overridden(rule, document, here)
            except FileError as error:
                errors.append(error)
    if errors:
        raise FileErrors(errors)
    return list(by_id.values())


def _overridden(rule: Rule, document: Document, here: tuple[str, ...]) -> Rule:
    change = document.convert(here, Override)
    for name, value in change.params.items():
        if name not in rule.params:
            problem = f"'{rule.id}' has no parameter '{name}'{did_you_mean(name, rule.params)}"
            raise document.error((*here, "params", name), problem, key=True)
        if _kind(value) != _kind(rule.params[name]):
            problem = f"'{name}' must be {_kind(rule.params[name])}, as its default is; this is {_kind(value)}"
            raise document.error((*here, "params", name), problem)
    keys = ["severity"] if change.severity else []
    places = {key: (*here, key) for key in keys} | {f"params.{key}": (*here, "params", key) for key in change.params}
    return replace(
        rule,
        severity=change.severity or rule.severity,
        params={**rule.params, **change.params},
        tuned={**rule.tuned, **{key: f"{document.path}:{document.line(place)}" for key, place in places.items()}},
    )


def _kind(value: object) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a map",
    }
    return kinds.get(type(value), "nothing")
