"""The sample account as resources, put together from what the emulator's endpoints show, without HTTP."""

import datetime as dt
from collections.abc import Iterator

from northflank_audit.emulator import EmulatedAccounts, load
from northflank_audit.emulator.accounts import as_listed
from northflank_audit.emulator.endpoints import Endpoint
from northflank_audit.model import Resource
from northflank_audit.northflank.paging import with_ids
from northflank_audit.resources import TYPES, ResourceType, Scope, decode
from northflank_audit.resources.base import Record
from northflank_audit.sources.child_resources import Children
from northflank_audit.sources.saved_files import InputSource
from tests.conftest import needing

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def resources(team: str | None, accounts: EmulatedAccounts | None = None) -> Iterator[Resource]:
    """Yield every resource of an account, with all of its parts and personal fields; date-times as of `NOW`."""
    found = list(_listed(team, accounts or load(None, NOW)))
    children = Children(needing(*TYPES), InputSource([], None))
    yield from (*found, *children.of(found))


def _listed(team: str | None, accounts: EmulatedAccounts) -> Iterator[Resource]:
    account = accounts.own if team is None else accounts.teams[team]
    for kind in TYPES.values():
        if kind.scope is Scope.TOKEN and team is None:
            record = decode.listed(kind, accounts.auth, _personal(kind))
            yield Resource(type=kind.name, id=record["id"], name=record["name"], team=None, record=record)
        if (
            kind.listing is None
            or kind.within
            or kind.scope is Scope.TOKEN
            or (team and kind.scope is Scope.ORGANISATION)
        ):
            continue
        path = tuple(kind.listing.path.strip("/").split("/"))
        endpoint = next(each for each in accounts.endpoints if each.path == path)
        owner = accounts.auth["entityId"] if team is None and kind.scope is Scope.TEAM else team
        projects = [each["id"] for each in account.projects] if kind.scope is Scope.PROJECT else [None]
        for project in projects:
            for item in with_ids(account.items(endpoint, project) or [], kind.id, kind.listing.identifying(owner)):
                yield Resource(
                    type=kind.name, id=item[kind.id], name=item.get("name"), team=team, project=project,
                    record=_record(kind, endpoint, item, owner), parts=frozenset(part.name for part in kind.sources),
                )  # fmt: skip


def _record(kind: ResourceType, endpoint: Endpoint, item: Record, team: str | None) -> Record:
    shown = as_listed(item) if endpoint.source == ("credentials",) else endpoint.as_listed(item)
    personal = _personal(kind)
    record = decode.listed(kind, shown, personal)
    for part in kind.parts:
        if part.joins:
            children = with_ids(item.get(part.joins, []), part.id, part.identifying(team))
            record = decode.joined(part, record, children, personal)
        elif part.into:
            below = endpoint.children[part.path.partition("{id}/")[2]]
            record = decode.completed(kind, part, record, item[below.source], personal)
        else:
            record = decode.completed(kind, part, record, endpoint.whole(item), personal)
    return record


def _personal(kind: ResourceType) -> list[str]:
    return [field.path for field in kind.fields.values() if field.personal]
