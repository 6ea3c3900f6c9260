"""Types about observability: notification integrations, log sinks, audit log sinks."""

from typing import Final

from northflank_audit.addresses import parsed
from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, Record, ResourceType, Scope
from northflank_audit.resources.fields import boolean, switches, text, texts, time, words


def _origin(item: Record) -> Record:
    """Return scheme and host of the webhook. The rest of its address is a bearer secret."""
    webhook = item.get("webhook")
    if not isinstance(webhook, str):
        return {}
    address = parsed(webhook)
    return {"webhook": {"scheme": address.scheme, "host": address.host} if address else {}}


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

_SINK_STATES: Final = ("paused", "running", "failing", "creating")
_OF_EVERY_SINK: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("status", *_SINK_STATES, changing=True),
    time("createdAt"),
    time("updatedAt", changing=True),
)

LOG_SINK: Final = ResourceType(
    name="log-sink",
    family="access",
    singular="log sink",
    plural="log sinks",
    scope=Scope.ACCOUNT,
    variable="log_sink",
    collection="log_sinks",
    listing=Part(
        name=LIST,
        path="/integrations/log-sinks",
        keys=("logSinks",),
        permission=Permission("Account > Observability > LogSinks > Read", "Account > Sinks > General > Read"),
        fields=(
            *_OF_EVERY_SINK,
            text(
                "sinkType",
                "loki",
                "datadog_logs",
                "papertrail",
                "http",
                "aws_s3",
                "logdna",
                "coralogix",
                "betterStack",
                "honeycomb",
                "logzio",
                "solarWinds",
                "axiom",
                "newRelic",
                "sentry",
            ),
            boolean("restricted"),
            texts("projects"),
            boolean("options.useCustomLabels"),
            boolean("options.forwardCdnLogs"),
            boolean("options.forwardIngressLogs"),
            boolean("options.forwardMeshLogs"),
        ),
        secrets=("sinkData",),
    ),
    never=("/integrations/log-sinks/{id}",),
)

AUDIT_LOG_SINK: Final = ResourceType(
    name="audit-log-sink",
    family="access",
    singular="audit log sink",
    plural="audit log sinks",
    scope=Scope.ACCOUNT,
    variable="audit_log_sink",
    collection="audit_log_sinks",
    listing=Part(
        name=LIST,
        path="/integrations/audit-log-sinks",
        keys=("auditLogSinks",),
        permission=Permission("Account > Admin > AuditLogSinks > Read"),
        fields=(*_OF_EVERY_SINK, text("sinkType", "aws_s3"), boolean("includeSpec")),
        secrets=("sinkData.auth",),
    ),
    never=("/integrations/audit-log-sinks/{id}",),  # it shows the id of an access key
)
