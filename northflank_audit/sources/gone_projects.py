"""Distinguishes deleted projects from those that can't be read."""

from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import DETAIL, whose
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import endpoint, pages
from northflank_audit.resources import PARENT
from northflank_audit.sources.lists import TypedList
from northflank_audit.sources.parts import NOT_FOUND


class GoneProjects:
    """Reads the projects of an account again when one may have been deleted."""

    def __init__(self, client: Client, page_size: int) -> None:
        self._client = client
        self._page_size = page_size
        self._now: dict[str | None, frozenset[str]] = {}
        """By team."""

    def has(self, typed_list: TypedList) -> bool:
        """Return whether the project of a list is neither listed nor found any more; False if that is unknown.

        It is not enough that a page lacks it, because pages shift when another project is deleted.
        """
        team, project = typed_list.team, typed_list.project
        try:
            if team not in self._now:
                self._now[team] = self._listed(team)
            if project in self._now[team]:
                return False
            detail = PARENT.part(DETAIL)
            path = endpoint(detail.path, team, id=project)
            what = f"details of '{project}'{whose(team, None)}"
            self._client.get(path, {}, what=what, permission=str(detail.permission), team=team, label=PARENT.name)
        except Refused as error:
            return error.status == NOT_FOUND
        except FetchError:
            pass
        return False

    def _listed(self, team: str | None) -> frozenset[str]:
        """Return the ids of an account's projects as they are now. Raises FetchError unless all of them are known."""
        ids: set[str] = set()
        for page in pages(self._client, TypedList(PARENT, team).listing(), self._page_size):
            if page.contradictions:
                raise FetchError(page.contradictions[0])
            ids.update(item[PARENT.id] for item in page.items)
        return frozenset(ids)
