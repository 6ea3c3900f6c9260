"""Runs the examples of rules, each a test of its rule."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from northflank_audit.model import LIST, Account, Example, Resource, Rule, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.rule_reads import PROJECT_TYPE, by_collection
from northflank_audit.policy.verdict import Verdict
from northflank_audit.resources import TYPES, ResourceType


@dataclass(frozen=True, slots=True)
class ExampleOutcome:
    """An example, and the verdict that it got."""

    rule: Rule
    number: int
    """From 1, within its rule."""
    example: Example
    got: Status
    message: str

    @property
    def passed(self) -> bool:
        """Whether the rule gave what the example expects."""
        return not self.difference

    @property
    def difference(self) -> str:
        """What was expected and what came instead; empty if they are equal."""
        if self.got is not self.example.expect:
            return f"expected {self.example.expect}, got {self.got}"
        if self.example.message not in (None, self.message):
            return f"expected the message '{self.example.message}', got '{self.message}'"
        return ""


def present(value: Any, kind: ResourceType, path: str = "") -> Any:
    """Return a record without the keys whose value is null, unless null means something there."""
    if isinstance(value, dict):
        below = {key: f"{path}.{key}" if path else key for key in value}
        return {
            key: present(item, kind, below[key])
            for key, item in value.items()
            if item is not None or ((field := kind.fields.get(below[key])) is not None and field.null)
        }
    if isinstance(value, list):
        return [present(item, kind, f"{path}[]") for item in value]
    return value


@dataclass(frozen=True, slots=True)
class ExampleInput:
    """The inputs of an example's verdict, besides its rule."""

    given: Resource
    account: Account
    resources: list[Resource]
    """The known resources of the account, of all types."""


def run(rules: Sequence[Rule]) -> Iterator[ExampleOutcome]:
    """Evaluate every example by its rule, with the rule's parameters and the example's own."""
    for rule in rules:
        engine, made_for = None, None
        for number, example in enumerate(rule.tests, 1):
            settings = (repr(example.params), example.now)  # 1 and true are equal, and differ here
            if engine is None or made_for != settings:
                engine, made_for = Engine([as_in(rule, example)], example.now), settings
            verdict = _verdict(engine, example_input(rule, example))
            yield ExampleOutcome(rule, number, example, verdict.status, engine.result(verdict).message)


def as_in(rule: Rule, example: Example) -> Rule:
    """Return a rule with an example's parameters."""
    return replace(rule, params={**rule.params, **example.params})


def example_input(rule: Rule, example: Example) -> ExampleInput:
    """Return an example's inputs."""
    kind = TYPES[rule.resource]
    lists = {by_collection()[name].name: records for name, records in (example.account or {}).items()}
    if example.resources is not None:
        lists.setdefault(kind.alias or kind.name, example.resources)
    if example.projects is not None:
        lists.setdefault(PROJECT_TYPE, [{"id": each} for each in example.projects])
    unknown = {name: "the example does not give them" for name in TYPES if name not in lists}
    projects = [str(each.get("id")) for each in lists.get(PROJECT_TYPE, ())]
    account = Account(team=None, projects=projects, unknown=unknown)
    every = [each for name, records in lists.items() for each in _resources(records, TYPES[name], example)]
    if kind.listing is None:
        return ExampleInput(account.resource, account, every)
    given = _resource(example.given, kind, example)
    others = {each.identity: each for each in every}
    return ExampleInput(given, account, list({**others, given.identity: given}.values()))


def _verdict(engine: Engine, inputs: ExampleInput) -> Verdict:
    """Return the verdict of an engine with one rule on an example."""
    if not engine.account_scoped:
        return next(engine.evaluate([inputs.given]))
    verdicts = engine.evaluate_account(inputs.account, inputs.resources)
    return next(each for each in verdicts if each.resource.identity == inputs.given.identity)


def _resources(records: Sequence[dict[str, Any]], kind: ResourceType, example: Example) -> Iterator[Resource]:
    """Yield the resources of a list, each its own: those of the same id are taken to be in different projects."""
    seen: Counter[str] = Counter()
    for record in records:
        resource = _resource(record, kind, example)
        again = seen[resource.id]
        seen[resource.id] += 1
        yield replace(resource, project=f"another project ({again})") if again else resource


def example_id(record: Mapping[str, Any], kind: ResourceType) -> str:
    """Return the id of an example's record. A record of a list that has the id of `given` is `given`."""
    return kind.identity(dict(record)) or str(record.get(kind.id, "example"))


def _resource(given: dict[str, Any], kind: ResourceType, example: Example) -> Resource:
    record = present(given, kind)
    name = record.get(kind.label)
    return Resource(
        type=kind.name,
        id=example_id(record, kind),
        name=None if name is None else str(name),
        team=None,
        record=record,
        parts=frozenset({LIST, *(part.name for part in kind.parts)} if example.detailed else {LIST}),
    )
