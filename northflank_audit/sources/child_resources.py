"""Derives child resources, such as backup schedules, from their parents' parts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from northflank_audit.model import Account, Resource
from northflank_audit.resources import ResourceType
from northflank_audit.resources.base import Within
from northflank_audit.resources.needs import Needs
from northflank_audit.sources.interface import Source

UNREAD: Final = "the input lacks them; use a snapshot of a live audit with a rule that reads them"

_Place = tuple[str, str | None, str | None]
"""A child type's name, a team and a project."""


class Children:
    """Derives the resources of child types. Those that can't be derived are gaps, like a list that failed."""

    def __init__(self, needs: Needs, source: Source) -> None:
        self._source = source
        self._kinds = [(kind, kind.within) for kind in needs.children if kind.within is not None]
        self._unread: defaultdict[_Place, dict[str, str]] = defaultdict(dict)
        """Why the children of a parent are unknown, by the parent's id."""
        self._problems: list[str] = []
        """The known children of these."""

    def of(self, parents: Iterable[Resource]) -> list[Resource]:
        """Return the known children of resources that will get no more parts."""
        found: list[Resource] = []
        for parent in parents:
            for kind, within in self._kinds:
                if within.parent.name != parent.type:
                    continue
                unread = self._unread[kind.name, parent.team, parent.project]
                children = _derived(kind, within, parent)
                if isinstance(children, str):
                    unread[parent.id] = children
                else:
                    unread.pop(parent.id, None)
                    found += children
        return found

    def settle(self) -> None:
        """Record in the source which child types of the accounts are unknown."""
        source, names = self._source, {kind.name for kind, _ in self._kinds}
        lists = [each for each in source.gaps if each.type not in names]
        unlisted = {
            (kind.name, each.team, each.project): each.shortfall or ""
            for kind, within in self._kinds
            for each in lists
            if each.type == within.parent.name
        }
        unread = {place: _summed(list(whys.values())) for place, whys in self._unread.items() if whys}
        gaps = unlisted | unread
        source.gaps = [*lists, *(_gap(*place, why) for place, why in gaps.items())]
        others = [each for each in source.problems if each not in self._problems]
        self._problems = [] if source.counts_parts else [why for why in unread.values() if why not in others]
        source.problems = [*others, *self._problems]
        for team, account in source.accounts.items():
            lacking = {name: why for (name, of, _), why in reversed(gaps.items()) if of == team}
            source.accounts[team] = self._with_children(account, lacking)

    def _with_children(self, account: Account, lacking: Mapping[str, str]) -> Account:
        """Return an account with the gaps of its child types: those of their parents, or their own."""
        unknown, out_of_scope = dict(account.unknown), dict(account.out_of_scope)
        for kind, within in self._kinds:
            unknown.pop(kind.name, None)
            if why := account.unknown.get(within.parent.name) or lacking.get(kind.name):
                unknown[kind.name] = why
            if within.parent.name in account.out_of_scope:
                out_of_scope[kind.name] = account.out_of_scope[within.parent.name]
        return replace(account, unknown=unknown, out_of_scope=out_of_scope)


def _derived(kind: ResourceType, within: Within, parent: Resource) -> list[Resource] | str:
    """Return the children of one parent, or why they are unknown."""
    part = within.parent.part(within.part)
    whose = f"{within.parent.singular} '{parent.id}'"
    if within.part not in parent.parts:
        why = parent.shortfall or UNREAD
        return why if f"'{parent.id}'" in why else f"{whose}: {why}"
    items = parent.record.get(part.joins)
    prefix = part.prefix
    omitted = frozenset(path.removeprefix(prefix) for path in parent.omitted_fields if path.startswith(prefix))
    found: dict[str, Resource] = {}
    for item in items if isinstance(items, list) else [None]:
        record = {**item, within.key: parent.id} if isinstance(item, dict) else {}
        identity = kind.identity(record)
        if identity is None:
            return f"{whose}: one of its {kind.plural} has no id"
        if identity in found:
            return f"{whose}: two of its {kind.plural} have the id '{identity}'"
        found[identity] = Resource(
            type=kind.name,
            id=identity,
            name=_name(record, kind),
            team=parent.team,
            project=parent.project,
            record=record,
            shortfall=parent.shortfall if omitted else None,
            omitted_fields=omitted,
        )
    return list(found.values())


def _name(record: dict[str, Any], kind: ResourceType) -> str | None:
    name = record.get(kind.label)
    return name if isinstance(name, str) else None


def _summed(whys: Sequence[str]) -> str:
    return f"{whys[0]}, and {len(whys) - 1} more like it" if len(whys) > 1 else whys[0]


def _gap(name: str, team: str | None, project: str | None, why: str) -> Resource:
    return Resource(
        type=name, id="", name=None, team=team, project=project, record={}, parts=frozenset(), shortfall=why
    )
