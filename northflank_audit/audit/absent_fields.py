"""Finds documented fields that rules read and the API never gave."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from northflank_audit.model import Resource, Rule
from northflank_audit.policy.rule_reads import documented
from northflank_audit.resources import TYPES
from northflank_audit.resources.paths import ITEM


class AbsentFields:
    """Watches records for the documented fields that some rules read."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Take the fields of these rules."""
        self._absent: dict[str, dict[str, Sequence[str]]] = defaultdict(dict)
        """By type, the fields that no record had so far: their paths and steps."""
        self._parts: dict[str, frozenset[str]] = {}
        """By type, the parts that were read of a record."""
        for rule in rules:
            for kind, path, steps in documented(rule):
                self._absent[kind][path] = steps

    def add(self, resources: Iterable[Resource]) -> None:
        """Take records in the form in which they were evaluated."""
        for each in resources:
            if each.type not in self._absent:
                continue
            self._parts[each.type] = self._parts.get(each.type, frozenset()) | each.parts
            absent = self._absent[each.type]
            for path in [path for path, steps in absent.items() if _has(each.record, steps)]:
                del absent[path]

    def of(self, kind: str) -> list[str]:
        """Return the paths of a type's fields that no record had, though a part that gives them was read."""
        read = self._parts.get(kind, frozenset())
        absent = self._absent.get(kind, {})
        return sorted(path for path, steps in absent.items() if TYPES[kind].giving(tuple(steps)) & read)


def _has(value: Any, steps: Sequence[str]) -> bool:
    """Return whether a record has a field. An empty list counts as having every field of its items."""
    if not steps:
        return True
    if steps[0] == ITEM:
        return isinstance(value, list) and (not value or any(_has(item, steps[1:]) for item in value))
    return isinstance(value, dict) and steps[0] in value and _has(value[steps[0]], steps[1:])
