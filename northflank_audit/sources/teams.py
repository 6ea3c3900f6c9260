"""Lists the teams of an organisation."""

import msgspec

from northflank_audit.errors import FetchError
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import READ_TEAMS, Listing, has_id, pages


class Teams(msgspec.Struct):
    """The teams that an organisation lists."""

    ids: list[str] = []
    problems: list[str] = []
    """Why they are not all known."""
    warnings: list[str] = []


def all_teams(client: Client, page_size: int) -> Teams:
    """Return every team that the token's organisation lists."""
    teams = Teams()
    listing = Listing(path="/v1/teams", keys=("teams",), what="list of teams", permission=READ_TEAMS)
    try:
        for page in pages(client, listing, page_size):
            teams.problems += page.contradictions
            teams.warnings += page.warnings
            teams.ids += [item["id"] for item in page.items if has_id(item)]
    except FetchError as error:
        teams.problems.append(str(error))
    teams.ids = list(dict.fromkeys(teams.ids))
    if not teams.ids and not teams.problems:
        teams.warnings.append("the organisation lists no team")
    return teams
