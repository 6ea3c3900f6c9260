"""Selects the rules to run by the options."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import msgspec

from northflank_audit.errors import StartError, did_you_mean
from northflank_audit.model import Rule, Severity
from northflank_audit.policy.rule_reads import reads
from northflank_audit.policy.rules.rulebook import rule_hint
from northflank_audit.resources import PARENT, TYPES, Scope


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The options that select rules; a rule runs if none excludes it."""

    rule: tuple[str, ...] = ()
    skip_rule: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    """`FRAMEWORK` or `FRAMEWORK:ID`; a rule runs if it supports one of them."""
    min_severity: Severity | None = None
    type: tuple[str, ...] = ()
    skip_type: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    """Ids of projects: only rules about resources in a project run."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Select these options from those of a command."""
        values = {name: given[name] for name in cls.__struct_fields__ if given.get(name)}
        if "min_severity" in values:
            values["min_severity"] = Severity(values["min_severity"])
        return cls(**values)

    def excludes(self, rule: Rule) -> str:
        """Return the option that excludes a rule; empty if it runs."""
        excluded = {
            "--rule": bool(self.rule) and rule.id not in self.rule,
            "--skip-rule": rule.id in self.skip_rule,
            "--type": bool(self.type) and rule.resource not in self.type,
            "--skip-type": bool(self.skip_type) and self._reads_skipped(rule),
            "--project": bool(self.project) and not in_project(rule.resource),
            "--min-severity": self.min_severity is not None and rule.severity.rank < self.min_severity.rank,
            "--control": bool(self.control) and not self._serves(rule),
        }
        return next((option for option, holds in excluded.items() if holds), "")

    def _reads_skipped(self, rule: Rule) -> bool:
        kinds = [TYPES[rule.resource], *(kind for kind, _ in reads(rule))]
        parents = [kind.within.parent for kind in kinds if kind.within is not None]
        return any(kind.name in self.skip_type for kind in (*kinds, *parents))

    def _serves(self, rule: Rule) -> bool:
        for name in self.control:
            framework, _, control = name.partition(":")
            if control in rule.controls.get(framework, ()) or (not control and rule.controls.get(framework)):
                return True
        return False


def in_project(kind: str) -> bool:
    """Return whether the resources of a type are in a project, or are projects."""
    return TYPES[kind].scope is Scope.PROJECT or kind == PARENT.name


def select(
    rules: Sequence[Rule], only: Sequence[str], skip: Sequence[str], packs: Mapping[str, str] = MappingProxyType({})
) -> list[Rule]:
    """Return the rules to run. Raises StartError for an id that no rule has, or if none is left.

    `packs` names the pack of each bundled rule.
    """
    ids = {rule.id for rule in rules}
    for name in (*only, *skip):
        if name not in ids:
            raise StartError(f"no rule has the id '{name}'{rule_hint(name, ids, packs)}; see: rules list")
    selected = [rule for rule in rules if (not only or rule.id in only) and rule.id not in skip]
    if not selected:
        raise StartError("no rule is left to run, so nothing would be checked")
    return selected


def selected(
    rules: Sequence[Rule], selection: Selection, packs: Mapping[str, str] = MappingProxyType({})
) -> list[Rule]:
    """Return the rules to run. Raises StartError for an unknown name, or if no rule is left."""
    named = select(rules, selection.rule, selection.skip_rule, packs)
    for name in selection.control:
        check_control(name, rules, packs)
    left = [rule for rule in named if not selection.excludes(rule)]
    if not left:
        options = dict.fromkeys(selection.excludes(rule) for rule in named)
        raise StartError(
            f"no rule is left to run: {' and '.join(options)} exclude{'s' * (len(options) == 1)} all of them"
            f"{_more(rules, packs)}"
        )
    return left


def _more(rules: Iterable[Rule], packs: Mapping[str, str]) -> str:
    """Return where more rules are, if some of the bundled ones are selected and not all."""
    ids = {rule.id for rule in rules}
    return "; more rules: --rules pack:everything" if ids & packs.keys() and packs.keys() - ids else ""


def check_control(name: str, rules: Iterable[Rule], packs: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise StartError for a framework or a control that no rule names."""
    framework, colon, control = name.partition(":")
    known = check_framework("--control", framework, rules)
    if colon and control not in known:
        hint = did_you_mean(control, known) or f"; choose from {', '.join(sorted(known))}"
        raise StartError(
            f"--control {name}: no rule supports the control '{control}' of {framework}{hint}{_more(rules, packs)}"
        )


def check_framework(option: str, framework: str, rules: Iterable[Rule]) -> set[str]:
    """Return the controls of a framework in the rules. Raises StartError if no rule names it."""
    frameworks: dict[str, set[str]] = {}
    for rule in rules:
        for each, controls in rule.controls.items():
            frameworks.setdefault(each, set()).update(controls)
    if framework not in frameworks:
        hint = did_you_mean(framework, frameworks) or f"; choose from {', '.join(sorted(frameworks)) or 'none'}"
        raise StartError(f"{option}: no rule names the framework '{framework}'{hint}")
    return frameworks[framework]
