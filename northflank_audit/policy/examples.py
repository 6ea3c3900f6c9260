"""The examples inside rules: each is a test of its rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from northflank_audit.model import Example, Resource, Rule, Status
from northflank_audit.policy.engine import Engine


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
        return self.got is self.example.expect


def present(value: Any) -> Any:
    """Return a JSON value without the keys whose value is null: the API said nothing of them."""
    if isinstance(value, dict):
        return {key: present(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [present(item) for item in value]
    return value


def run(rules: Sequence[Rule]) -> Iterator[Outcome]:
    """Judge every example by its rule, with the rule's parameters and the example's own over them."""
    for rule in rules:
        for number, example in enumerate(rule.tests, 1):
            given = present(example.given)
            name = given.get("name")
            resource = Resource(
                id=str(given.get("id", "example")),
                name=None if name is None else str(name),
                team=None,
                record=given,
                detailed=example.detailed,
            )
            engine = Engine([replace(rule, params={**rule.params, **example.params})], example.now)
            verdict = next(engine.judge([resource]))
            yield Outcome(rule, number, example, verdict.status, engine.result(verdict).message)
