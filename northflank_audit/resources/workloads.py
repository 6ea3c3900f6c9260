"""The types of projects and services."""

from typing import Final

from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import address, boolean, number, text, texts, time, words
from northflank_audit.resources.runtime import ENVIRONMENT_SECRETS, PORT_SECRETS, PORTS, derived, environment

_READ_PROJECTS: Final = Permission("Project > Projects > Manage > Read")
_OF_EVERY_PROJECT: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("lifecycleStatus", changing=True),
)

PROJECT: Final = ResourceType(
    name="project",
    family="workloads",
    singular="project",
    plural="projects",
    scope=Scope.ACCOUNT,
    variable="project",
    collection="projects",
    listing=Part(name=LIST, path="/projects", keys=("projects",), permission=_READ_PROJECTS, fields=_OF_EVERY_PROJECT),
    parts=(
        Part(
            name=DETAIL,
            path="/projects/{id}",
            permission=_READ_PROJECTS,
            fields=(
                *_OF_EVERY_PROJECT,
                text("deployment.region"),
                text("cluster.id"),
                words("cluster.name"),
                boolean("customRegistry.enabled"),
                text("customRegistry.configuration.credentialId"),
                text("customRegistry.configuration.provider"),
                text("services[].id"),
                text("services[].serviceType", "combined", "build", "deployment"),
                text("jobs[].id"),
                text("jobs[].jobType", "manual", "cron"),
                text("addons[].id"),
                text("addons[].spec.type"),
                time("createdAt"),
            ),
        ),
    ),
)


_SERVICE: Final = "/projects/{project}/services"
_READ_SERVICES: Final = Permission("Project > Services > General > Read")
_OF_EVERY_SERVICE: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("appId"),
    text("serviceType", "combined", "build", "deployment"),
    boolean("disabledCI"),
    boolean("disabledCD"),
    texts("tags", free=True),
)
_SECRETS: Final = (
    *ENVIRONMENT_SECRETS,
    *PORT_SECRETS,
    "deployment.docker",
    "deployment.buildpack",
    "healthChecks.cmd",
    "buildSettings.dockerfile.dockerfileContents",
    "bundleData.bundleUrl",
    "deployment.metadata",
)

SERVICE: Final = ResourceType(
    name="service",
    family="workloads",
    singular="service",
    plural="services",
    scope=Scope.PROJECT,
    variable="service",
    collection="services",
    # As public READMEs link to the console, such as https://app.northflank.com/t/fmrs-team/project/aieng/services/aieng
    # (a Kotlin dashboard) and …/t/seenu92s-team/project/pandaform/services/pandaforms-app/builds. No such source shows
    # where addons, jobs or secret groups are, so they have no link.
    console="/t/{team}/project/{project}/services/{id}",
    listing=Part(
        name=LIST,
        path=_SERVICE,
        keys=("services",),
        permission=_READ_SERVICES,
        fields=_OF_EVERY_SERVICE,
        secrets=_SECRETS,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_SERVICE}/{{id}}",
            permission=_READ_SERVICES,
            fields=(
                *_OF_EVERY_SERVICE,
                *PORTS,
                number("deployment.instances"),
                boolean("deployment.ssh.enabled"),
                address("deployment.external.imagePath"),
                text("deployment.external.credentials"),
                text("deployment.internal.id"),
                text("deployment.internal.branch"),
                text("deployment.internal.buildSHA"),
                text("healthChecks[].type", "livenessProbe", "readinessProbe", "startupProbe"),
                text("healthChecks[].protocol", "HTTP", "CMD", "TCP"),
                texts("buildConfiguration.prRestrictions"),
                texts("buildConfiguration.branchRestrictions"),
                boolean("buildConfiguration.crossProjectAccess.enabled"),
                boolean("buildConfiguration.crossProjectAccess.isAllowList"),
                texts("buildConfiguration.crossProjectAccess.projects"),
                texts("buildConfiguration.dockerCredentials"),
                boolean("buildConfiguration.includeGitFolder"),
                address("vcsData.projectUrl"),
                text("vcsData.projectType"),
                *environment(),
                time("expiryTime", changing=True, ahead=True),
                time("createdAt"),
                time("updatedAt", changing=True),
            ),
            secrets=_SECRETS,
            derive=derived,
        ),
    ),
    never=(
        f"{_SERVICE}/{{id}}/runtime-environment",
        f"{_SERVICE}/{{id}}/runtime-environment/details",
        f"{_SERVICE}/{{id}}/build-arguments",
        f"{_SERVICE}/{{id}}/build-arguments/details",
    ),
)
