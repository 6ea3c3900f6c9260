"""The catalogue: everything that differs from type to type, one declaration each, a module for each family.

What is true of all types, how they are fetched, evaluated or reported, belongs elsewhere and reads it from here.
"""

from typing import Final

from northflank_audit.resources.access import API_TOKEN
from northflank_audit.resources.account import ACCOUNT
from northflank_audit.resources.ai import HARNESS, LLM_MODEL_DEPLOYMENT
from northflank_audit.resources.base import Field, Kind, Part, Permission, ResourceType, Scope
from northflank_audit.resources.data import ADDON, BACKUP_DESTINATION, VOLUME
from northflank_audit.resources.external import EXTERNAL_ADDON
from northflank_audit.resources.jobs import JOB
from northflank_audit.resources.networking import DOMAIN, LOAD_BALANCER
from northflank_audit.resources.observability import NOTIFICATION
from northflank_audit.resources.own_token import AUTH
from northflank_audit.resources.pipelines import PIPELINE, PREVIEW_BLUEPRINT, WORKFLOW
from northflank_audit.resources.registries import REGISTRY_CREDENTIAL
from northflank_audit.resources.secrets import SECRET_GROUP
from northflank_audit.resources.workloads import PROJECT, SERVICE

TYPES: Final[dict[str, ResourceType]] = {
    each.name: each
    for each in (
        REGISTRY_CREDENTIAL,
        ACCOUNT,
        AUTH,
        API_TOKEN,
        PROJECT,
        SERVICE,
        ADDON,
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
        DOMAIN,
        LOAD_BALANCER,
        NOTIFICATION,
    )
}
"""Every type, by its name."""

PARENT: Final = PROJECT
"""The type whose resources hold those of `Scope.PROJECT`."""

__all__ = ["PARENT", "TYPES", "Field", "Kind", "Part", "Permission", "ResourceType", "Scope"]
