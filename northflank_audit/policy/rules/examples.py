"""The examples inside rules: each is a test of its rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from northflank_audit.model import ACCOUNT_TYPE, DETAIL, LIST, Account, Example, Resource, Rule, Status
from northflank_audit.policy.engine import Engine, Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """An example, and the verdict that it got."""

    rule: Rule
    number: int
    """From 1, within its rule."""
    example: Example
    got: Status
    message: str

    @property
    def passed(self) -> bool:
        """Whether the rule did what the example expects."""
        return not self.difference

    @property
    def difference(self) -> str:
        """What was expected and what came instead; nothing where they are the same."""
        if self.got is not self.example.expect:
            return f"expected {self.example.expect}, got {self.got}"
        if self.example.message not in (None, self.message):
            return f"expected the message '{self.example.message}', got '{self.message}'"
        return ""


def present(value: Any) -> Any:
    """Return a JSON value without the keys whose value is null: the API said nothing of them."""
    if isinstance(value, dict):
        return {key: present(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [present(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """What an example's verdict depends on, besides its rule."""

    given: Resource
    account: Account
    resources: list[Resource]
    """All credentials of the account, as far as they are known."""


def run(rules: Sequence[Rule]) -> Iterator[Outcome]:
    """Judge every example by its rule, with the rule's parameters and the example's own over them."""
    for rule in rules:
        for number, example in enumerate(rule.tests, 1):
            engine = Engine([as_in(rule, example)], example.now)
            verdict = _verdict(engine, setting(rule, example))
            yield Outcome(rule, number, example, verdict.status, engine.result(verdict).message)


def as_in(rule: Rule, example: Example) -> Rule:
    """Return a rule with an example's parameters."""
    return replace(rule, params={**rule.params, **example.params})


def setting(rule: Rule, example: Example) -> Setting:
    """Return what an example says of the world."""
    values = {"resources": example.resources, "projects": example.projects}
    unknown = {name: "the example does not give them" for name, value in values.items() if value is None}
    account = Account(team=None, projects=example.projects or [], unknown=unknown)
    resources = {each.id: each for each in (_resource(record, example) for record in example.resources or ())}
    if rule.resource == ACCOUNT_TYPE:
        return Setting(account.resource, account, list(resources.values()))
    given = _resource(example.given, example)
    return Setting(given, account, list({**resources, given.id: given}.values()))


def _verdict(engine: Engine, known: Setting) -> Verdict:
    """Return what an engine of one rule says of an example."""
    if not engine.collective:
        return next(engine.judge([known.given]))
    verdicts = engine.judge_account(known.account, known.resources)
    return next(each for each in verdicts if each.resource.id == known.given.id)


def _resource(given: dict[str, Any], example: Example) -> Resource:
    record = present(given)
    name = record.get("name")
    return Resource(
        id=str(record.get("id", "example")),
        name=None if name is None else str(name),
        team=None,
        record=record,
        parts=frozenset({LIST, DETAIL} if example.detailed else {LIST}),
    )
