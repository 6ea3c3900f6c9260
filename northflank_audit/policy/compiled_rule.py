"""A rule that is ready to be evaluated, and what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from northflank_audit.model import LIST, Rule
from northflank_audit.policy.expressions.cel import Expression, compiled
from northflank_audit.policy.expressions.field_reads import ACCOUNT
from northflank_audit.policy.needs import by_collection, needs
from northflank_audit.resources import TYPES


@dataclass(frozen=True)
class CompiledRule:
    """A rule, its expressions compiled."""

    rule: Rule
    when: Expression | None
    require: Expression

    @classmethod
    def of(cls, rule: Rule) -> "CompiledRule":
        """Compile. The rule has been checked when it was loaded."""
        when = compiled(rule.when, rule.resource) if rule.when else None
        return cls(rule, when, compiled(rule.require, rule.resource))

    @property
    def wide(self) -> frozenset[str]:
        """The variables that it reads of those that hold more than one record."""
        return self.require.wide.union(self.when.wide if self.when else ())

    @property
    def expressions(self) -> list[Expression]:
        """What is evaluated, in order."""
        return [self.when, self.require] if self.when else [self.require]

    @property
    def collective(self) -> bool:
        """Whether it needs the whole account."""
        return bool(self.wide) or TYPES[self.rule.resource].listing is None

    @cached_property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """The parts that it reads besides lists, by type."""
        found = needs([self.rule]).parts
        return {kind: frozenset(parts) - {LIST} for kind, parts in found.items()}

    @cached_property
    def of_account(self) -> frozenset[str]:
        """The types whose lists it reads below `account`."""
        known = by_collection()
        paths = [read.path for expression in self.expressions for read in expression.reads_within]
        return frozenset(
            known[path[1]].name for path in paths if path[0] == ACCOUNT and len(path) > 1 and path[1] in known
        )

    @property
    def of_resources(self) -> str:
        """The type whose records it reads as `resources`; nothing where it does not."""
        own = TYPES[self.rule.resource]
        return (own.alias or own.name) if "resources" in self.wide else ""

    @property
    def lists(self) -> frozenset[str]:
        """The types whose lists it reads as a whole."""
        return self.of_account | ({self.of_resources} if self.of_resources else frozenset())
