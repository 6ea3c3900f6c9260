"""The catalogue of resource types, one declaration each.

It has everything that differs from type to type. Code for all types, which fetches, evaluates or reports, reads it from
here.
"""

from typing import Final

from northflank_audit.resources.access import API_TOKEN, SSH_IDENTITY
from northflank_audit.resources.account import ACCOUNT
from northflank_audit.resources.ai import HARNESS, LLM_MODEL_DEPLOYMENT
from northflank_audit.resources.base import Part, Permission, ResourceType, Scope
from northflank_audit.resources.cloud import CLOUD_INTEGRATION, CLUSTER, CLUSTER_NODE, WORKLOAD_IDENTITY
from northflank_audit.resources.data import ADDON, ADDON_BACKUP_SCHEDULE, BACKUP_DESTINATION, VOLUME
from northflank_audit.resources.delivery import ROLLOUT_STRATEGY, TAG, TEMPLATE, VCS_LINK
from northflank_audit.resources.external import EXTERNAL_ADDON
from northflank_audit.resources.fields import Field, Kind
from northflank_audit.resources.jobs import JOB
from northflank_audit.resources.members import (
    DIRECTORY_GROUP,
    DIRECTORY_GROUP_MEMBER,
    ORG_MEMBER,
    ORG_ROLE,
    ORG_ROLE_MEMBER,
    TEAM,
    TEAM_MEMBER,
    TEAM_ROLE,
    TEAM_ROLE_MEMBER,
)
from northflank_audit.resources.networking import DOMAIN, EGRESS_IP, LOAD_BALANCER, SUBDOMAIN_PATH
from northflank_audit.resources.observability import AUDIT_LOG_SINK, LOG_SINK, NOTIFICATION
from northflank_audit.resources.own_token import AUTH
from northflank_audit.resources.pipelines import PIPELINE, PREVIEW_BLUEPRINT, WORKFLOW
from northflank_audit.resources.registries import REGISTRY_CREDENTIAL
from northflank_audit.resources.secrets import ENCRYPTION_CONFIGURATION, GLOBAL_SECRET, SECRET_GROUP
from northflank_audit.resources.workloads import PROJECT, SERVICE

TYPES: Final[dict[str, ResourceType]] = {
    each.name: each
    for each in (
        REGISTRY_CREDENTIAL,
        ACCOUNT,
        AUTH,
        API_TOKEN,
        TEAM_MEMBER,
        TEAM_ROLE,
        TEAM_ROLE_MEMBER,
        TEAM,
        ORG_MEMBER,
        ORG_ROLE,
        ORG_ROLE_MEMBER,
        DIRECTORY_GROUP,
        DIRECTORY_GROUP_MEMBER,
        SSH_IDENTITY,
        CLOUD_INTEGRATION,
        WORKLOAD_IDENTITY,
        CLUSTER,
        CLUSTER_NODE,
        PROJECT,
        SERVICE,
        ADDON,
        ADDON_BACKUP_SCHEDULE,
        VOLUME,
        BACKUP_DESTINATION,
        SECRET_GROUP,
        JOB,
        HARNESS,
        LLM_MODEL_DEPLOYMENT,
        EXTERNAL_ADDON,
        PIPELINE,
        WORKFLOW,
        PREVIEW_BLUEPRINT,
        GLOBAL_SECRET,
        ENCRYPTION_CONFIGURATION,
        DOMAIN,
        SUBDOMAIN_PATH,
        LOAD_BALANCER,
        EGRESS_IP,
        NOTIFICATION,
        LOG_SINK,
        AUDIT_LOG_SINK,
        VCS_LINK,
        TEMPLATE,
        TAG,
        ROLLOUT_STRATEGY,
    )
}
"""Every type, by its name."""

PARENT: Final = PROJECT
"""The type whose resources contain those of `Scope.PROJECT`."""

__all__ = ["PARENT", "TYPES", "Field", "Kind", "Part", "Permission", "ResourceType", "Scope"]
