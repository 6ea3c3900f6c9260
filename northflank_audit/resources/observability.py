"""Who is told of what happens: notification integrations."""

from typing import Final

from northflank_audit.addresses import parsed
from northflank_audit.resources.base import (
    DETAIL,
    LIST,
    Part,
    Permission,
    Record,
    ResourceType,
    Scope,
    boolean,
    switches,
    text,
    texts,
    time,
    words,
)


def _origin(item: Record) -> Record:
    """Return scheme and host of the webhook. The rest of its address is a bearer secret."""
    webhook = item.get("webhook")
    if not isinstance(webhook, str):
        return {}
    found = parsed(webhook)
    return {"webhook": {"scheme": found.scheme, "host": found.host} if found else {}}


_READ: Final = Permission("Account > Observability > Notifications > Read", "Team > Notifications > Read")
_OF_EVERY_ONE: Final = (
    text("id"),
    words("name"),
    text("type", "RAW_WEBHOOK", "SLACK", "DISCORD", "TEAMS", "TEAMS_WORKFLOWS"),
    boolean("status.disabled"),
    text("webhook.scheme"),
    text("webhook.host"),
    time("createdAt"),
    time("updatedAt", changing=True),
)

NOTIFICATION: Final = ResourceType(
    name="notification",
    family="access",
    singular="notification integration",
    plural="notification integrations",
    scope=Scope.ACCOUNT,
    variable="notification",
    collection="notifications",
    listing=Part(
        name=LIST,
        path="/integrations/notifications",
        keys=("notificationIntegrations",),
        permission=_READ,
        fields=_OF_EVERY_ONE,
        secrets=("webhook",),
        derive=_origin,
    ),
    parts=(
        Part(
            name=DETAIL,
            path="/integrations/notifications/{id}",
            permission=_READ,
            fields=(
                *_OF_EVERY_ONE,
                switches("events"),
                boolean("restricted"),
                texts("projects"),
            ),
            secrets=("webhook",),
            derive=_origin,
        ),
    ),
)
