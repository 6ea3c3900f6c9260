"""Links into Northflank's console."""

from typing import Final
from urllib.parse import quote

from northflank_audit.resources.base import Record, ResourceType

APP_ID: Final = "appId"
"""The field that says where an object is: `/team/project/object`."""
_STEPS: Final = 3


def console_path(kind: ResourceType, record: Record) -> str | None:
    """Return a resource's page below the console's address, percent-encoded; None where it is not known."""
    app_id = record.get(APP_ID)
    if not kind.console or not isinstance(app_id, str) or not app_id.startswith("/"):
        return None
    steps = app_id[1:].split("/")
    if len(steps) != _STEPS or not all(step.strip(".") for step in steps):  # of dots alone, a step leads elsewhere
        return None
    team, project, own = (quote(step.encode(errors="surrogatepass"), safe="") for step in steps)
    return kind.console.format(team=team, project=project, id=own)
