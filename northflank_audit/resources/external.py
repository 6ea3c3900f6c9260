"""The type of external addons."""

from typing import Final

from northflank_audit.resources.base import LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import text, texts, words

_EXTERNAL_ADDON: Final = "/projects/{project}/external-addons"
_PROVIDERS: Final = ("aws", "google", "azure", "cloudflare", "aiven", "backblaze", "akamai", "planetscale")

EXTERNAL_ADDON: Final = ResourceType(
    name="external-addon",
    family="data",
    singular="external addon",
    plural="external addons",
    scope=Scope.PROJECT,
    variable="external_addon",
    collection="external_addons",
    id="name",
    listing=Part(
        name=LIST,
        path=_EXTERNAL_ADDON,
        keys=("data.externalAddons",),  # beside a second `pagination`
        permission=Permission("Project > ExternalAddons > General > Read"),
        fields=(
            text("name"),
            words("description"),
            texts("tags", free=True),
            text("environmentId"),
            text("spec.resourceType", "s3", "rds", "cloudSql", "memorystore"),
            text("spec.workloadIdentityId"),
            *(text(f"spec.provider.{name}.integrationId") for name in _PROVIDERS),
            text("spec.provider.aws.region"),
            text("spec.provider.google.project"),
            text("spec.provider.google.region"),
            text("spec.provider.google.zone"),
        ),
        secrets=("spec.config", "spec.outputs"),
    ),
    never=(f"{_EXTERNAL_ADDON}/{{id}}",),
)
