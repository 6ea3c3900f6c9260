"""Links into Northflank's console."""

from typing import Final
from urllib.parse import quote

from northflank_audit.resources.base import Record, ResourceType

APP_ID: Final = "appId"
"""The field with the path of an object: `/team/project/object`."""
_STEPS: Final = 3


def console_path(kind: ResourceType, record: Record) -> str | None:
    """Return the path of a resource's page in the console, percent-encoded; None if unknown."""
    app_id = record.get(APP_ID)
    if not kind.console or not isinstance(app_id, str) or not app_id.startswith("/"):
        return None
    steps = app_id[1:].split("/")
    if len(steps) != _STEPS or not all(step.strip(".") for step in steps):  # a step of only dots leads elsewhere
        return None
    team, project, own = (quote(step.encode(errors="surrogatepass"), safe="") for step in steps)
    return kind.console.format(team=team, project=project, id=own)
