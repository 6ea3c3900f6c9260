"""The sample account has the shapes that the official SDK's types give: no other key, no other value."""

from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import northflank._types as sdk
import pytest
import typing_extensions

from northflank_audit.emulator import load
from northflank_audit.emulator.endpoints import built_in

pytestmark = pytest.mark.peer

SAMPLE = load(None)
ENDPOINTS = {".".join(each.source): each for each in built_in()}
LISTS = {
    "tokens": sdk.ListApiTokensResponseToken,
    "projects": sdk.ListProjectsResponseProject,
    "projects.services": sdk.ListServicesResponseService,
    "projects.addons": sdk.ListAddonsResponseAddon,
    "projects.volumes": sdk.CreateVolumeResponse,
    "projects.secrets": sdk.ListSecretsResponseSecret,
    "backupDestinations": sdk.AddBackupDestinationRequest,
    "domains": sdk.ListDomainsResponseDomain,
    "loadBalancers": sdk.ListLoadBalancersResponseLoadBalancer,
    "notificationIntegrations": sdk.ListNotificationsResponseNotificationIntegration,
    "projects.jobs": sdk.ListJobsResponseJob,
    "projects.harnesses": sdk.ListHarnessesResponseHarness,
    "projects.llmModelDeployments": sdk.GetLlmModelDeploymentResponse,
    "projects.externalAddons": sdk.CreateExternalAddonResponse,
    "projects.pipelines": sdk.ListPipelinesResponsePipeline,
    "projects.workflows": sdk.ListWorkflowsResponsePipeline,
    "projects.previewBlueprints": sdk.ListPreviewBlueprintsResponseWorkflow,
    "egressIps": sdk.ListEgressIpsResponseEgressIp,
    "logSinks": sdk.ListLogSinksResponseLogSink,
    "auditLogSinks": sdk.ListAuditLogSinksResponseAuditLogSink,
    "cloudIntegrations": sdk.ListCloudIntegrationsResponseIntegration,
    "clusters": sdk.ListCloudClustersResponseCluster,
    "workloadIdentities": sdk.CreateWorkloadIdentitiesResponse,
    "sshIdentities": sdk.AddSshIdentitiesResponse,
    "tags": sdk.AddTagResponse,
    "templates": sdk.ListTemplatesResponseTemplate,
    "globalSecrets": sdk.ListGlobalSecretsResponseSecret,
    "vcsAccountLinks": sdk.ListVcsResponseVcsAccountLink,
    "encryptionConfigurations": sdk.ActivateEncryptionConfigurationResponse,
    "rolloutStrategies": sdk.CreateGradualRolloutStrategyResponse,
    "members": sdk.ListTeamMembersResponseMember,
    "roles": sdk.ListTeamRolesResponseRole,
    "teams": sdk.ListTeamsResponseTeam,
    "orgMembers": sdk.ListOrgMembersResponseMember,
    "orgRoles": sdk.ListOrgRolesResponseRole,
    "directoryGroups": sdk.GetOrgDirectoryGroupsResponseDirectoryGroup,
}
"""The type of an item of each list. Registries' are older: theirs is a mixture of two generations."""
DETAILS = {
    "projects": sdk.GetProjectResponse,
    "projects.services": sdk.GetServiceResponse,
    "projects.addons": sdk.GetAddonResponse,
    "domains": sdk.GetDomainResponse,
    "notificationIntegrations": sdk.CreateNotificationResponse,
    "projects.jobs": sdk.GetJobResponse,
    "projects.harnesses": sdk.CreateHarnessResponse,
    "projects.pipelines": sdk.GetPipelineResponse,
    "projects.workflows": sdk.GetWorkflowResponse,
    "projects.previewBlueprints": sdk.GetPreviewBlueprintResponse,
    "auditLogSinks": sdk.GetAuditLogSinkResponse,
    "roles": sdk.CreateTeamRoleResponse,
    "orgRoles": sdk.CreateOrgRoleResponse,
}
CHILDREN = {
    "projects.addons": {
        "backupSchedules": sdk.GetAddonBackupSchedulesResponseSchedule,
        "backups": sdk.GetAddonBackupsResponseBackup,
        "version": sdk.GetAddonVersionResponse,
    },
    "projects.jobs": {
        "deploymentDetails": Union[  # noqa: UP007 - `|` makes another kind of union
            sdk.GetJobDeploymentResponseInternal, sdk.GetJobDeploymentResponseExternal
        ]
    },
    "domains": {"subdomainDetails": sdk.GetSubdomainResponse, "paths": sdk.ListSubdomainPathResponsePath},
    "clusters": {"nodes": sdk.ListCloudClusterNodesResponseNode},
    "roles": {"members": sdk.ListTeamMembersResponseMember},
    "orgRoles": {"members": sdk.ListOrgRoleMembersResponseMember},
    "directoryGroups": {"members": sdk.ListOrgDirectoryGroupMembersResponseMember},
}
"""The types of what is below an item, by where an account file has it."""
BY_SERVICE_TYPE = {
    "build": sdk.GetServiceResponseBuild,
    "combined": sdk.GetServiceResponseCombined,
    "deployment": sdk.GetServiceResponseDeployment,
}
UNSAID = {"uid", "billing", "cluster", "pendingActions"}
"""Required by the SDK's types, and left out of the sample, since no rule could read them."""


def faults(value: Any, hint: Any, path: str = "") -> Iterator[str]:
    """Yield what is wrong with a value, by its type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        yield from faults(value, arguments[0], path)
    elif typing_extensions.is_typeddict(hint):
        yield from _of_map(value, hint, path)
    elif origin is Union:
        each = [list(faults(value, argument, path)) for argument in arguments]
        yield from min(each, key=len)
    elif origin is Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        for number, item in enumerate(value if isinstance(value, list) else [None]):
            yield from faults(item, arguments[0], f"{path}[{number}]")
    elif not _is(value, origin or hint):
        yield f"{path}: {value!r} is no {hint}"


def _is(value: Any, kind: Any) -> bool:
    kinds = {float: (int, float), Any: object, type(None): type(None)}
    return isinstance(value, kinds.get(kind, kind)) and not (isinstance(value, bool) and kind in (int, float))


def _of_map(value: Any, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no map"
        return
    fields = typing_extensions.get_type_hints(hint, include_extras=True)
    yield from (f"{path}.{key}: unknown" for key in value if key not in fields)
    required = {key for key, field in fields.items() if get_origin(field) is not typing_extensions.NotRequired}
    yield from (f"{path}.{key}: missing" for key in required - value.keys() - UNSAID)
    for key in fields.keys() & value.keys():
        yield from faults(value[key], fields[key], f"{path}.{key}")


def items(name):
    """Yield the items of a list, but projects of the other teams that are a name alone."""
    endpoint = ENDPOINTS[name]
    for account in (SAMPLE.own, *(SAMPLE.teams.values() if endpoint.is_below(team=True) else ())):
        for project in account.projects if name.startswith("projects.") else [{"id": None}]:
            yield from (item for item in account.items(endpoint, project["id"]) if item.keys() != {"id", "name"})


def named(item):
    return item.get("id") or item.get("name") or item.get("vcsLinkId") or "somebody"


@pytest.mark.parametrize("name", LISTS)
def test_lists(name):
    for item in items(name):
        shown = ENDPOINTS[name].as_listed(item)
        assert list(faults(shown, LISTS[name], named(item))) == []


@pytest.mark.parametrize("name", DETAILS)
def test_details(name):
    for item in items(name):
        hint = BY_SERVICE_TYPE[item["serviceType"]] if name == "projects.services" else DETAILS[name]
        told = set(faults(ENDPOINTS[name].whole(item), hint))
        assert told - {f".{field}: unknown" for field in ENDPOINTS[name].listed} == set(), named(item)


@pytest.mark.parametrize("name", CHILDREN)
def test_children(name):
    assert CHILDREN[name].keys() == {each.source for each in ENDPOINTS[name].children.values()}
    for item in items(name):
        for source, hint in CHILDREN[name].items():
            below = item.get(source, [])
            for each in below if isinstance(below, list) else [below]:
                assert list(faults(each, hint, f"{named(item)}.{source}")) == []
