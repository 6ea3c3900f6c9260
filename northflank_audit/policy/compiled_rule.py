"""A rule with its compiled expressions and what they read."""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from northflank_audit.model import LIST, Rule
from northflank_audit.policy.expressions.cel import Expression, compiled
from northflank_audit.policy.expressions.field_reads import ACCOUNT
from northflank_audit.policy.rule_reads import by_collection, needs, reads
from northflank_audit.resources import TYPES


class CompiledRule(msgspec.Struct, frozen=True, dict=True):
    """A rule, its expressions compiled."""

    rule: Rule
    when: Expression | None
    require: Expression

    @classmethod
    def of(cls, rule: Rule) -> "CompiledRule":
        """Compile a rule. It was validated when it was loaded."""
        when = compiled(rule.when, rule.resource) if rule.when else None
        return cls(rule, when, compiled(rule.require, rule.resource))

    @property
    def account_variables(self) -> frozenset[str]:
        """Which of `ACCOUNT_VARIABLES` it reads."""
        return self.require.account_variables.union(self.when.account_variables if self.when else ())

    @property
    def expressions(self) -> list[Expression]:
        """Its expressions in the order of evaluation."""
        return [self.when, self.require] if self.when else [self.require]

    @property
    def account_scoped(self) -> bool:
        """Whether it needs the whole account."""
        return bool(self.account_variables) or TYPES[self.rule.resource].listing is None

    @cached_property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """The parts that it reads, by type, except lists."""
        by_type = needs([self.rule]).parts
        return {kind: frozenset(parts) - {LIST} for kind, parts in by_type.items()}

    @cached_property
    def reads_personal_data(self) -> bool:
        """Whether it reads personal data, of its own resource or of others."""
        return bool(needs([self.rule]).personal)

    @cached_property
    def listed(self) -> frozenset[str]:
        """The types of which it reads only fields that a list may give, so a complete list entry settles the rule."""
        names = {kind.name for kind, _ in reads(self.rule) if kind.lists_all is not None}
        open_ = {kind.name for kind, steps in reads(self.rule) if LIST not in kind.giving(steps)}
        return frozenset(names - open_)

    @cached_property
    def account_lists(self) -> frozenset[str]:
        """The types whose lists it reads below `account`."""
        by_name = by_collection()
        paths = [read.path for expression in self.expressions for read in expression.reads_within]
        return frozenset(
            by_name[path[1]].name for path in paths if path[0] == ACCOUNT and len(path) > 1 and path[1] in by_name
        )

    @property
    def resources_type(self) -> str:
        """The type whose records it reads as `resources`; empty if it does not read them."""
        own = TYPES[self.rule.resource]
        return (own.alias or own.name) if "resources" in self.account_variables else ""

    @property
    def list_types(self) -> frozenset[str]:
        """All types whose lists it reads completely."""
        return self.account_lists | ({self.resources_type} if self.resources_type else frozenset())
