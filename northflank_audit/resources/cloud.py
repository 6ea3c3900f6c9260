"""Types about own clouds: integrations, clusters, workload identities."""

from typing import Any, Final

from northflank_audit.resources.base import LIST, Part, Permission, Record, ResourceType, Scope
from northflank_audit.resources.children import child_type
from northflank_audit.resources.fields import Field, Kind, boolean, number, text, texts, time, words

_PROVIDERS: Final = (
    "aws",
    "aws-eusc",
    "azure",
    "civo",
    "gcp",
    "oci",
    "cloudflare",
    "coreweave",
    "nebius",
    "aiven",
    "backblaze",
    "akamai",
    "planetscale",
    "byok",
)
_RUNTIME_CLASSES: Final = ("none", "gvisor", "kata-clh", "kata-qemu")
_INTEGRATIONS: Final = "/cloud-providers/integrations"
_REFRESH: Final = "registryCredentialRefresh"

CLOUD_INTEGRATION: Final = ResourceType(
    name="cloud-integration",
    family="access",
    singular="cloud integration",
    plural="cloud integrations",
    scope=Scope.ACCOUNT,
    variable="cloud_integration",
    collection="cloud_integrations",
    listing=Part(
        name=LIST,
        path=_INTEGRATIONS,
        keys=("integrations",),
        permission=Permission("Account > Cloud > Integrations > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("provider", *_PROVIDERS),
            texts(
                "features",
                "byoc",
                "byoc-static-egress",
                "byoc-custom-launch-templates",
                "byoc-custom-vpc",
                "byoc-logs",
                "cloudfront",
                "route53",
                "registry-pull",
                "registry-push",
                "opentofu",
                "workload-identity",
                "workload-identity-managed",
            ),
            text("aws.authenticationMode", "accessKey", "crossAccountRole"),
            text("aws.permissionCheckLevel", "enabled", "disabled", "ignore-implicit-deny-by-organization"),
            text("gcp.authenticationMode", "accessKey", "crossAccountRole"),
            text("gcp.projectId"),
            text("cloudflare.credentialType", "apiToken", "originCAKey", "globalApiKey"),
            text("byok.connectionMode", "direct", "connector"),
            boolean("byok.requireVerification"),
            text(f"{_REFRESH}.status", "healthy", "degraded", "suspended", changing=True),
            number(f"{_REFRESH}.affectedCredentialCount", changing=True),
            text(f"{_REFRESH}.lastError.type", changing=True),
            Field(path=f"{_REFRESH}.lastError.message", kind=Kind.TEXT, free=True, changing=True),
            time(f"{_REFRESH}.lastError.occurredAt", changing=True),
            boolean("restrictions.enabled"),
            text("restrictions.teams[].teamId"),
            time("createdAt"),
        ),
        secrets=("credentials",),
    ),
    never=(f"{_INTEGRATIONS}/{{id}}",),
)

_CLUSTERS: Final = "/cloud-providers/clusters"
_READ_CLUSTERS: Final = Permission("Account > Cloud > Clusters > Read")

CLUSTER: Final = ResourceType(
    name="cluster",
    family="network",
    singular="cluster",
    plural="clusters",
    scope=Scope.ACCOUNT,
    variable="cluster",
    collection="clusters",
    listing=Part(
        name=LIST,
        path=_CLUSTERS,
        keys=("clusters",),
        permission=_READ_CLUSTERS,
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("provider", *_PROVIDERS),
            text("region"),
            text("entityType", "org", "team"),
            text("integrationId"),
            text("kubernetesVersion", changing=True),
            boolean("deletionRequested"),
            text("status.state.state", changing=True),
            Field(path="status.state.reason", kind=Kind.TEXT, free=True, changing=True),
            boolean("aws.enablePublicAccessCidrs"),
            texts("aws.publicAccessCidrs"),
            text("aws.subnetConfiguration.mode", "default-subnets-for-azs", "explicit-subnets"),
            boolean("aws.vpcEgress"),
            boolean("gcp.enableAuthorizedIpRanges"),
            texts("gcp.authorizedIpRanges"),
            boolean("azure.enableAuthorizedIpRanges"),
            texts("azure.authorizedIpRanges"),
            text("nodePools[].id"),
            text("nodePools[].nodeType"),
            number("nodePools[].nodeCount", changing=True),
            boolean("nodePools[].preemptible"),
            texts("nodePools[].availabilityZones"),
            boolean("nodePools[].gcp.enablePrivateNodes"),
            boolean("nodePools[].azure.enablePublicNodeIp"),
            boolean("nodePools[].nebius.enablePublicNodeIps"),
            text("settings.builds.mode", "paas", "internal", "build-cluster"),
            text("settings.registry.mode", "paas", "self-hosted"),
            text("settings.logging.mode", "paas", "loki"),
            boolean("settings.networking.overlayNetwork"),
            boolean("settings.infrastructure.sandboxing.installGvisor"),
            boolean("settings.infrastructure.sandboxing.installMicroVm"),
            *(
                text(f"settings.infrastructure.sandboxing.defaultSandbox.{each}", *_RUNTIME_CLASSES)
                for each in ("builds", "jobs", "services", "addons")
            ),
            boolean("restrictions.enabled"),
            text("restrictions.teams[].teamId"),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
        # The rest of `logging` is not secret, and a log bucket's region is often the cluster's.
        secrets=("settings.logging.loki.s3AccessKey", "settings.logging.loki.s3SecretKey"),
    ),
    parts=(
        Part(
            name="nodes",
            path=f"{_CLUSTERS}/{{id}}/nodes",
            keys=("nodes",),
            permission=_READ_CLUSTERS,
            joins="nodes",
            id="nodeId",
            fields=(
                text("nodeId"),
                text("nodeName"),
                text("nodePool"),
                text("status", "RUNNING", "DELETED", changing=True),
                text("zone"),
                text("region"),
                text("instanceType"),
                time("createdAt"),
            ),
        ),
    ),
    never=(f"{_CLUSTERS}/{{id}}",),
)


CLUSTER_NODE: Final = child_type(
    CLUSTER,
    "nodes",
    name="cluster-node",
    singular="cluster node",
    key="clusterId",
    label="nodeName",
)


def _policy(item: Record) -> Record:
    """Return a normalised AWS policy: AWS allows one statement, action or resource instead of a list."""
    spec = item.get("spec")
    provider = spec.get("provider") if isinstance(spec, dict) else None
    document = provider.get("policyDocument") if isinstance(provider, dict) else None
    if not isinstance(document, dict) or document.get("Statement") is None:
        return {}
    statements = [_statement(each) if isinstance(each, dict) else each for each in _list(document["Statement"])]
    return {"spec": {"provider": {"policyDocument": {"Statement": statements}}}}


def _statement(statement: Record) -> Record:
    lists = {name: _list(statement[name]) for name in _LISTS if statement.get(name) is not None}
    return {**statement, **lists, "hasCondition": bool(statement.get("Condition"))}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_STATEMENT: Final = "spec.provider.policyDocument.Statement[]"
_LISTS: Final = ("Action", "NotAction", "Resource", "NotResource")
_RESTRICTIONS: Final = "spec.restrictions"

WORKLOAD_IDENTITY: Final = ResourceType(
    name="workload-identity",
    family="access",
    singular="workload identity",
    plural="workload identities",
    scope=Scope.ACCOUNT,
    variable="workload_identity",
    collection="workload_identities",
    listing=Part(
        name=LIST,
        path="/workload-identities",
        keys=("workloadIdentities",),
        permission=Permission("Account > Cloud > WorkloadIdentities > Read"),
        derive=_policy,
        fields=(
            text("id"),
            words("name"),
            words("description"),
            number("priority"),
            text("spec.providerLinkId"),
            text("spec.roleMode", "managed", "existing"),
            text("spec.providerSetupMode", "auto", "manual"),
            text("spec.provider.type", "aws", "gcp", "northflank"),
            text("spec.provider.existingRoleArn"),
            text("spec.provider.existingRoleAudience"),
            texts("spec.provider.permissions"),
            text("spec.provider.roleId"),
            text("spec.provider.scope", "own-project", "role"),
            text(f"{_STATEMENT}.Effect", "Allow", "Deny"),
            *(texts(f"{_STATEMENT}.{name}") for name in _LISTS),
            boolean(f"{_STATEMENT}.hasCondition"),
            boolean(f"{_RESTRICTIONS}.projects.enabled"),
            texts(f"{_RESTRICTIONS}.projects.items"),
            boolean(f"{_RESTRICTIONS}.tags.enabled"),
            texts(f"{_RESTRICTIONS}.tags.items"),
            text(f"{_RESTRICTIONS}.tags.matchCondition", "and", "or"),
            boolean(f"{_RESTRICTIONS}.workloadTypes.enabled"),
            texts(f"{_RESTRICTIONS}.workloadTypes.items"),
            text(
                "state.status",
                "unapplied",
                "outdated",
                "installing",
                "updating",
                "error",
                "applied",
                "deleting",
                changing=True,
            ),
            Field(path="state.errors[]", kind=Kind.TEXT, free=True, changing=True),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
    ),
)
