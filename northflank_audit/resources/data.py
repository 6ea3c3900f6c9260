"""Types about data: addons, volumes, backup destinations."""

from typing import Final

from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.children import child_type
from northflank_audit.resources.fields import address, boolean, number, numbers, text, texts, time, words

_STATES: Final = (
    "preDeployment",
    "triggerAllocation",
    "allocating",
    "postDeployment",
    "running",
    "paused",
    "scaling",
    "upgrading",
    "resetting",
    "backup",
    "restore",
    "failed",
    "error",
    "errorAllocating",
    "deleting",
    "deleted",
)
_ADDON = "/projects/{project}/addons"
_READ_ADDONS = Permission("Project > Addons > General > Read")
_OF_EVERY_ADDON = (
    text("id"),
    words("name"),
    words("description"),
    text("appId"),
    text("spec.type"),
    text("status", *_STATES, changing=True),
    texts("tags"),
)

ADDON: Final = ResourceType(
    name="addon",
    family="data",
    singular="addon",
    plural="addons",
    scope=Scope.PROJECT,
    variable="addon",
    collection="addons",
    listing=Part(
        name=LIST,
        path=_ADDON,
        keys=("addons",),
        permission=_READ_ADDONS,
        fields=_OF_EVERY_ADDON,
        secrets=("spec.config.templateValues",),
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_ADDON}/{{id}}",
            permission=_READ_ADDONS,
            fields=(
                *_OF_EVERY_ADDON,
                text("spec.config.versionTag"),
                text("spec.config.lifecycleStatus", "active", "deprecated", "discontinued"),
                number("spec.config.deployment.replicas"),
                text("spec.config.deployment.storageClass"),
                number("spec.config.deployment.storageSize"),
                text("spec.config.deployment.region"),
                text("spec.config.region"),
                boolean("spec.config.templateValuesRedacted"),
                boolean("spec.config.networking.tlsEnabled"),
                boolean("spec.config.networking.externalAccessEnabled"),
                boolean("spec.config.networking.vpcAccessible"),
                text("spec.config.networking.ipPolicies[].address"),
                text("spec.config.networking.ipPolicies[].action", "ALLOW", "DENY"),
                text("spec.config.secretRotation.status", changing=True),
                time("spec.config.secretRotation.startedAt", changing=True),
                time("spec.config.secretRotation.completedAt", changing=True),
                text("cluster.id"),
                time("createdAt"),
            ),
            secrets=("spec.config.templateValues",),
        ),
        Part(
            name="backupSchedules",
            path=f"{_ADDON}/{{id}}/backup-schedules",
            keys=("schedules",),
            paged=False,  # the SDK documents pages, the documentation of 2026-06 none
            permission=_READ_ADDONS,
            joins="backupSchedules",
            fields=(
                text("id"),
                text("backupType", "dump", "snapshot"),
                number("retentionTime"),
                text("scheduling.interval", "hourly", "daily", "weekly"),
                numbers("scheduling.day"),  # of a weekly one: 0 is Monday
                text("customDestinationId"),
                text("additionalDestinations[].destinationId"),
                number("additionalDestinations[].retentionTime"),
                time("createdAt"),
                time("updatedAt"),
            ),
        ),
        Part(
            name="backups",
            path=f"{_ADDON}/{{id}}/backups",
            keys=("backups",),
            permission=_READ_ADDONS,
            joins="backups",
            fields=(
                text("id"),
                words("name"),
                text(
                    "status",
                    "scheduled",
                    "in-progress",
                    "completed",
                    "aborting",
                    "aborted",
                    "failed",
                    "not-supported",
                    changing=True,
                ),
                time("createdAt"),
                time("completedAt", changing=True),
                text("config.size"),  # bytes, as a text
                text("config.source.type", "fileUpload", "liveInstance", "snapshot", "externalDump", "sameAddon"),
                text("config.addonVersion"),
                text("config.additionalDestinations[].destinationId"),
                text("customDestinationId"),
            ),
        ),
        Part(
            name="version",
            path=f"{_ADDON}/{{id}}/version",
            permission=_READ_ADDONS,
            into="version",
            fields=(
                text("version"),
                text("lifecycleStatus", "active", "deprecated", "discontinued"),
                text("discontinuedBy"),  # a date such as 01.08.2021, by the documentation
                text("upgradeTo[].version"),
                text("upgradeTo[].type", "major", "minor", "patch"),
            ),
        ),
    ),
    never=(f"{_ADDON}/{{id}}/credentials", f"{_ADDON}/{{id}}/backups/{{backup}}/download-link"),
)

ADDON_BACKUP_SCHEDULE: Final = child_type(
    ADDON,
    "backupSchedules",
    name="addon-backup-schedule",
    singular="backup schedule",
    key="addonId",
)

VOLUME: Final = ResourceType(
    name="volume",
    family="data",
    singular="volume",
    plural="volumes",
    scope=Scope.PROJECT,
    variable="volume",
    collection="volumes",
    listing=Part(
        name=LIST,
        path="/projects/{project}/volumes",
        permission=Permission("Project > Volumes > General > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            texts("tags"),
            text("status", changing=True),
            text("spec.accessMode"),
            number("spec.storageSize"),
            text("spec.storageClassName"),
            text("attachedObjects[].id"),
            text("attachedObjects[].type"),
            number("backupSchedules[].retentionTime"),
            text("backupSchedules[].scheduling.interval", "hourly", "daily", "weekly"),
            time("createdAt"),
        ),
    ),
)

BACKUP_DESTINATION: Final = ResourceType(
    name="backup-destination",
    family="data",
    singular="backup destination",
    plural="backup destinations",
    scope=Scope.ACCOUNT,
    variable="backup_destination",
    collection="backup_destinations",
    id="name",
    listing=Part(
        name=LIST,
        path="/backup-destinations",
        keys=("backupDestinations",),
        permission=Permission("Account > Platform > BackupDestinations > Read"),
        fields=(
            text("name"),
            words("description"),
            words("prefix"),
            text("type", "s3"),
            text("usage", "globalBackups", "containerSnapshots"),
            text("credentials.authMode", "staticCreds", "workloadIdentity"),
            boolean("credentials.enableObjectLock"),
            number("credentials.objectLockRetentionDays"),
            address("credentials.endpoint"),
            words("credentials.bucketName"),
            text("credentials.region"),
        ),
        secrets=("credentials.accessKey", "credentials.secretKey"),
    ),
    never=("/backup-destinations/{id}",),
)
