"""Reads rule files, what they extend, and overrides into validated rules."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from northflank_audit.documents.conversion import converted, sound_parts
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError, FileErrors, StartError, did_you_mean, in_order
from northflank_audit.model import Example, Rule, Severity
from northflank_audit.parameters import ParameterSchema
from northflank_audit.policy.expressions.cel import compiled
from northflank_audit.policy.lint.failing import failures
from northflank_audit.policy.rules import parameter_schemas, validation
from northflank_audit.policy.rules.rule_file import Override, RuleEntry, RuleFile

Find = Callable[[str, str], list[tuple[str, str]]]
"""Returns (path, text) of each file that an entry of `extends` means, given the extending file's path and the entry.

Raises StartError if there is none.
"""


class Definition(msgspec.Struct, frozen=True):
    """Where a rule, or an example of one, stands."""

    document: Document
    here: Path


class Rulebook(msgspec.Struct):
    """The rules read so far, and every mistake in their files. It grows while they are read."""

    rules: dict[str, Rule] = msgspec.field(default_factory=dict)
    definitions: dict[str, Definition] = msgspec.field(default_factory=dict)
    off: dict[str, str] = msgspec.field(default_factory=dict)
    """`file:line` of what switched a rule off, by the rule's id."""
    stopped: dict[str, Rule] = msgspec.field(default_factory=dict)
    """The rules that are switched off, as they would run."""
    flawed: set[str] = msgspec.field(default_factory=set)
    """Ids of rules with mistakes, which are not among the rules."""
    diagnostics: list[FileError] = msgspec.field(default_factory=list)
    added_examples: dict[str, list[Definition]] = msgspec.field(default_factory=dict)
    """By the rule's id, where the examples stand that files of their own add to it."""
    unread: list[str] = msgspec.field(default_factory=list)
    """Folders with rule files that were not read."""
    packs: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The bundled rules, read or not, by their ids: the pack that each is in."""

    def copy(self) -> "Rulebook":
        """Return a book of the same rules that can be changed."""
        own = {name: copy(getattr(self, name)) for name in self.__struct_fields__ if name != "packs"}
        return Rulebook(**own, packs=self.packs)

    def checked(self) -> list[Rule]:
        """Return the rules. Raises FileErrors if there is a mistake."""
        if self.diagnostics:
            raise FileErrors(in_order(self.diagnostics))
        return list(self.rules.values())

    def include(self, other: "Rulebook") -> None:
        """Add another file's rules. A rule that comes twice must be the same one, with the same overrides."""
        for rule_id, rule in other.rules.items():
            before = self.rules.get(rule_id)
            definition = other.definitions[rule_id]
            if before is None:
                self.rules[rule_id], self.definitions[rule_id] = rule, definition
            elif (before.origin, before.sha256) != (rule.origin, rule.sha256):
                problem = f"the rule id '{rule_id}' is taken by {before.origin}"
                self.diagnostics.append(definition.document.error((*definition.here, "id"), problem))
            elif before != rule:
                ways = " and ".join(_overrides_of(each) for each in (before, rule))
                problem = f"the rule '{rule_id}' comes twice, with different overrides: {ways}"
                self.diagnostics.append(definition.document.error((*definition.here, "id"), problem))
        self.diagnostics[:] = dict.fromkeys([*self.diagnostics, *other.diagnostics])
        self.flawed.update(other.flawed)
        self.off.update({rule_id: place for rule_id, place in other.off.items() if rule_id not in self.rules})
        self.stopped.update(other.stopped)
        self.definitions.update({rule_id: other.definitions[rule_id] for rule_id in other.stopped})
        for rule_id in self.rules:
            self.off.pop(rule_id, None)
            self.stopped.pop(rule_id, None)


def _overrides_of(rule: Rule) -> str:
    return ", ".join(f"{key} by {place}" for key, place in rule.overridden.items()) or "not at all"


def load(files: Iterable[tuple[str, str]], find: Find | None = None) -> list[Rule]:
    """Read and check rule files, given as (path, text). Raises FileErrors with every mistake found."""
    return read(files, find).checked()


def read(
    files: Iterable[tuple[str, str]], find: Find | None = None, packs: Mapping[str, str] | None = None
) -> Rulebook:
    """Read rule files, given as (path, text), and what they extend; `packs` are those of the bundled rules."""
    book, reader = Rulebook(packs=packs or {}), _Reader(find)
    for path, text in files:
        book.include(reader.file(path, text, (path,)))
    return book


class _Reader:
    """Reads rule files and what they extend, each of them once."""

    def __init__(self, find: Find | None) -> None:
        self._find = find
        self._books: dict[str, Rulebook] = {}

    def file(self, path: str, text: str, chain: tuple[str, ...]) -> Rulebook:
        """Read one file; `chain` are the files that led to it, ending with itself."""
        if path not in self._books:
            self._books[path] = _file(path, text, partial(self._extended, chain))
        return self._books[path]

    def _extended(self, chain: tuple[str, ...], book: Rulebook, document: Document, here: Path, reference: Any) -> None:
        """Include what a file extends."""
        if not isinstance(reference, str) or not reference:
            book.diagnostics.append(document.error(here, "expects a rule file, a folder, or pack:NAME"))
            return
        try:
            files = self._find(document.path, reference) if self._find else []
        except StartError as error:
            book.diagnostics.append(document.error(here, str(error)))
            return
        for path, text in files:
            if path in chain:
                circle = " → ".join((*chain[chain.index(path) :], path))
                book.diagnostics.append(document.error(here, f"the files extend each other in a circle: {circle}"))
            else:
                book.include(self.file(path, text, (*chain, path)))


def _file(path: str, text: str, include: Callable[[Rulebook, Document, Path, Any], None]) -> Rulebook:
    document = Document(text, path, strict=False)
    book = Rulebook(diagnostics=list(document.diagnostics))
    value = document.value
    if not isinstance(value, dict) or not (value.get("rules") or value.get("extends")):
        if not document.diagnostics:
            problem = "a rule file needs a list under the key 'rules', or the files that it builds on under 'extends'"
            book.diagnostics.append(document.error(("rules",), problem))
        return book
    keys = RuleFile.__struct_fields__
    for key in value:
        if key not in keys:
            book.diagnostics.append(document.unknown_key((key,), keys))
    for here, reference in _listed(book, document, ("extends",)):
        include(book, document, here, reference)
    sha256 = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    for here, _ in _listed(book, document, ("rules",)):
        book.include(_one(document, here, sha256))
    override(book, document)
    return book


def _listed(book: Rulebook, document: Document, path: Path) -> list[tuple[Path, Any]]:
    items = document.value.get(path[0])
    if items is not None and not isinstance(items, list):
        book.diagnostics.append(document.error(path, f"'{path[0]}' is a list"))
        return []
    return [((*path, index), item) for index, item in enumerate(items or [])]


def _one(document: Document, here: Path, sha256: str) -> Rulebook:
    """Read one rule."""
    entry, diagnostics = converted(document, here, RuleEntry)
    schemas: dict[str, ParameterSchema] = {}
    if entry is not None:
        schemas, diagnostics = parameter_schemas.read(document, (*here, "params"), entry.params)
        entry = replace(entry, params=parameter_schemas.defaults(entry.params))
        diagnostics += validation.diagnostics(document, here, entry, schemas, whole=not diagnostics)
    elif sound := sound_parts(document, here, RuleEntry):
        rest = RuleEntry(**{"id": "?", "title": "?", "severity": Severity.INFO, "require": "true", **sound})
        rest.params = parameter_schemas.defaults(rest.params)
        diagnostics += validation.diagnostics(document, here, rest, schemas, whole=False)
    if entry is None or diagnostics:
        value = document.at(here)
        flawed = value.get("id") if isinstance(value, dict) else None
        return Rulebook(diagnostics=diagnostics, flawed={flawed} if isinstance(flawed, str) else set())
    rule = Rule(
        id=entry.id,
        title=entry.title,
        severity=entry.severity,
        require=entry.require,
        when=entry.when,
        params=entry.params,
        message=entry.message or f"{{name}}: {entry.finding or entry.title}",
        rationale=entry.rationale.strip(),
        remediation=entry.remediation.strip(),
        references=entry.references,
        controls=entry.controls,
        tests=[
            Example(**asdict(example), origin=f"{document.path}:{document.line((*here, 'tests', number))}")
            for number, example in enumerate(entry.tests)
        ],
        origin=f"{document.path}:{document.line(here)}",
        requires=list(dict.fromkeys(entry.requires)),
        resource=entry.resource,
        finding=(entry.finding or "").strip(),
        param_schemas=schemas,
        sha256=sha256,
    )
    return Rulebook({rule.id: rule}, {rule.id: Definition(document, here)})


def absent(book: Rulebook, rule_id: str) -> str:
    """Return why no rule has this id; empty if the rule exists but has mistakes."""
    if rule_id in book.flawed:
        return ""
    if rule_id in book.off:
        return f"the rule '{rule_id}' is switched off by {book.off[rule_id]}"
    return f"no rule '{rule_id}'{rule_hint(rule_id, book.rules, book.packs)}"


def rule_hint(rule_id: str, selected: Iterable[str], packs: Mapping[str, str]) -> str:
    """Return a hint about a rule that is not among the selected ones: the pack that it is in, or the nearest id."""
    if rule_id in packs:
        return f" among the selected rules: it is in {packs[rule_id]}"
    return did_you_mean(rule_id, {*selected, *packs})


def override(book: Rulebook, document: Document) -> None:
    """Apply the `overrides` of a config file or a pack; an unknown rule or parameter is a mistake."""
    changes = document.value.get("overrides") if isinstance(document.value, dict) else None
    if changes is None:
        return
    if not isinstance(changes, dict):
        book.diagnostics.append(document.error(("overrides",), "overrides maps rule ids to changes"))
        return
    for rule_id, value in changes.items():
        here = ("overrides", rule_id)
        if rule_id in book.stopped and (value is True or value == "on" or isinstance(value, dict)):
            book.rules[rule_id] = book.stopped.pop(rule_id)
            del book.off[rule_id]
        if rule_id in book.rules:
            _apply_override(book, document, here, value)
        elif rule_id not in book.stopped and (problem := absent(book, rule_id)):
            book.diagnostics.append(document.error(here, problem, key=True))


def _apply_override(book: Rulebook, document: Document, here: tuple[str, str], value: Any) -> None:
    rule_id = here[1]
    if value is False or value == "off":
        book.stopped[rule_id] = book.rules.pop(rule_id)
        book.off[rule_id] = f"{document.path}:{document.line(here)}"
    elif isinstance(value, dict):
        _apply_changes(book, document, here, book.rules[rule_id])
    elif value is not True and value != "on":
        given = f"'{value}'" if isinstance(value, str) else validation.kind_of(value)
        problem = f"an override is 'off', 'on', or a map of 'severity' and 'params', not {given}"
        book.diagnostics.append(document.error(here, problem))


def _apply_changes(book: Rulebook, document: Document, here: tuple[str, str], rule: Rule) -> None:
    change, diagnostics = converted(document, here, Override)
    for name in change.params if change else ():
        there = (*here, "params", name)
        diagnostics += validation.parameter_diagnostics(document, there, rule.params, rule.param_schemas, rule.id)
    if change is not None and not diagnostics:
        diagnostics = list(_failing(document, here, replace(rule, params={**rule.params, **change.params}), change))
    book.diagnostics.extend(diagnostics)
    if change is None or diagnostics:
        return
    places: dict[str, Path] = {f"params.{key}": (*here, "params", key) for key in change.params}
    if change.severity:
        places["severity"] = (*here, "severity")
    as_written = {name: rule.params[name] for name in change.params}  # what the rule's own examples are about
    book.rules[rule.id] = replace(
        rule,
        severity=change.severity or rule.severity,
        params={**rule.params, **change.params},
        tests=[replace(each, params={**as_written, **each.params}) for each in rule.tests],
        overridden={
            **rule.overridden,
            **{key: f"{document.path}:{document.line(place)}" for key, place in places.items()},
        },
    )


def _failing(document: Document, here: Path, rule: Rule, change: Override) -> Iterator[FileError]:
    """Yield the changed parameters with which the rule fails on every record."""
    if rule.unset:
        return
    for source in (rule.when, rule.require):
        if source is None:
            continue
        expression = compiled(source, rule.resource)
        read = {step for each in expression.reads if each.path[0] == "params" for step in each.path[1:2]}
        name = next((name for name in change.params if name in read), None)
        if name is not None:
            there = (*here, "params", name)
            for problem in failures(expression, rule.params):
                yield document.error(there, f"'{rule.id}' can't have this '{name}': {problem.text}")
