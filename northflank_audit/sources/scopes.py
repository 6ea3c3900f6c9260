"""Decides which lists exist in which account, by the token's owner."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from northflank_audit.errors import FetchError
from northflank_audit.model import LIST, Account
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import endpoint, has_id
from northflank_audit.resources import ResourceType, Scope
from northflank_audit.resources.base import Record
from northflank_audit.resources.own_token import AUTH
from northflank_audit.sources.interface import AT_HOME, ELSEWHERE
from northflank_audit.sources.lists import TypedList

NO_TEAM: Final = "they belong to a team, but this account is not one"
NO_ORGANISATION: Final = "they need an organisation's token"
TEAMS_NAMED: Final = "they belong to the organisation, but --team names teams"
LISTED: Final = frozenset({Scope.ACCOUNT, Scope.TEAM, Scope.ORGANISATION})
DEPENDENT: Final = frozenset({Scope.TEAM, Scope.ORGANISATION, Scope.TOKEN})
"""The scopes that depend on the token's owner."""


class Owner(msgspec.Struct, frozen=True):
    """The token's owner; empty if not requested or unknown."""

    record: Record = {}
    """What the API says about the token."""
    problem: str = ""
    """Why it is unknown."""

    @property
    def type(self) -> str:
        """`team` or `org`."""
        return str(self.record.get("entityType", ""))

    @property
    def id(self) -> str:
        """The team's or the organisation's id."""
        return str(self.record.get("entityId", ""))


def owner(client: Client) -> Owner:
    """Request the token's owner, which needs no permission."""
    what = "the token's owner"
    try:
        permission = str(AUTH.part(LIST).permission)
        answer: Any = client.get(endpoint("/auth", None), {}, what=what, permission=permission, label=AUTH.name)
    except FetchError as error:
        return Owner(problem=str(error))
    data = answer.get("data") if isinstance(answer, dict) else None
    body = data if isinstance(data, dict) else {}
    is_owner = body.get("entityType") in ("team", "org") and has_id(body, "entityId") and has_id(body)
    return Owner(body) if is_owner else Owner(problem=f"{what}: the answer does not name the token's owner")


class Scopes:
    """Decides which lists of some types exist."""

    def __init__(self, kinds: Sequence[ResourceType], token: Owner, *, teams_named: bool) -> None:
        """`teams_named` says whether the accounts are named teams."""
        self._kinds = [kind for kind in kinds if kind.scope is not Scope.PROJECT]
        self._token = token
        self._why_no_organisation = TEAMS_NAMED if teams_named else NO_ORGANISATION if token.type == "team" else ""

    def accounts(self, teams: Sequence[str | None]) -> Iterator[Account]:
        """Yield these accounts, and the token's own if it is not among them, each with the types that it lacks."""
        for team in teams:
            yield Account(team=team, out_of_scope=dict(self._out_of_scope(team)))
        at_home = AT_HOME - ({Scope.ORGANISATION} if self._why_no_organisation else set())
        if None not in teams and any(kind.scope in at_home for kind in self._kinds):
            elsewhere = {kind.name: ELSEWHERE for kind in self._kinds if kind.scope not in at_home}
            yield Account(team=None, out_of_scope=elsewhere, partial=True)

    def _out_of_scope(self, team: str | None) -> Iterator[tuple[str, str]]:
        for kind in self._kinds:
            if kind.scope is Scope.TEAM and team is None and self._token.type == "org":
                yield kind.name, NO_TEAM
            elif kind.scope is Scope.ORGANISATION and (self._why_no_organisation or team is not None):
                yield kind.name, self._why_no_organisation or ELSEWHERE
            elif kind.scope is Scope.TOKEN and team is not None:
                yield kind.name, ELSEWHERE

    def lists(self, accounts: Iterable[Account]) -> Iterator[TypedList]:
        """Yield the lists of these accounts, except those of projects."""
        for account in accounts:
            for kind in self._kinds:
                of_token = kind.scope is Scope.TEAM and account.team is None
                if kind.scope in LISTED and kind.name not in account.out_of_scope and (self._token.id or not of_token):
                    yield TypedList(kind, account.team, path_team=self._token.id if of_token else None)
