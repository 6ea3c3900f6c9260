"""The type of jobs.

Only the endpoint of its deployment shows a job's image.
"""

from typing import Final

from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import address, boolean, number, text, texts, time, words
from northflank_audit.resources.runtime import ENVIRONMENT_SECRETS, derived, environment

_JOB: Final = "/projects/{project}/jobs"
_READ: Final = Permission("Project > Jobs > General > Read")
_OF_EVERY_JOB: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("appId"),
    text("jobType", "manual", "cron"),
    boolean("suspended"),
    boolean("disabledCI"),
    boolean("disabledCD"),
    text("stageId"),
    texts("tags", free=True),
)
_SECRETS: Final = (
    "deployment.docker",
    "deployment.buildpack",
    "buildSettings.dockerfile.dockerfileContents",
    *ENVIRONMENT_SECRETS,
)

JOB: Final = ResourceType(
    name="job",
    family="workloads",
    singular="job",
    plural="jobs",
    scope=Scope.PROJECT,
    variable="job",
    collection="jobs",
    listing=Part(name=LIST, path=_JOB, keys=("jobs",), permission=_READ, fields=_OF_EVERY_JOB, secrets=_SECRETS),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_JOB}/{{id}}",
            permission=_READ,
            fields=(
                *_OF_EVERY_JOB,
                number("settings.backoffLimit"),
                number("settings.activeDeadlineSeconds"),
                text("settings.cron.schedule"),
                text("settings.cron.concurrencyPolicy", "Allow", "Forbid", "Replace"),
                text("deployment.region"),
                texts("buildConfiguration.dockerCredentials"),
                boolean("buildConfiguration.includeGitFolder"),
                address("vcsData.projectUrl"),
                text("vcsData.projectType", "bitbucket", "gitlab", "github", "self-hosted", "azure", "origin"),
                text("vcsData.projectBranch"),
                boolean("vcsData.publicRepo"),
                text("cluster.id"),
                *environment(),  # documented of services alone, whose detail shows them since 2026
                time("createdAt"),
            ),
            secrets=_SECRETS,
            derive=derived,
        ),
        Part(
            name="deployment",
            path=f"{_JOB}/{{id}}/deployment",
            permission=_READ,
            into="deployment",
            fields=(
                number("instances"),
                address("external.imagePath"),  # without the registry's host, says the documentation
                text(
                    "external.registryProvider",
                    "acr",
                    "ecr",
                    "gar",
                    "dockerhub",
                    "dhi",
                    "github",
                    "gitlab",
                    "custom",
                    "legacy",
                ),
                boolean("external.privateImage"),
                text("internal.nfObjectId"),
                text("internal.nfObjectType", "service", "job"),
                text("internal.branch"),
                text("internal.buildSHA"),
                text("internal.deployedSHA", changing=True),
                text("internal.buildSource", "git", "bundle"),
                address("internal.repository"),
            ),
            secrets=("docker", "buildpack"),
        ),
    ),
    never=(
        f"{_JOB}/{{id}}/runtime-environment",
        f"{_JOB}/{{id}}/runtime-environment/details",
        f"{_JOB}/{{id}}/build-arguments",
        f"{_JOB}/{{id}}/build-arguments/details",
        f"{_JOB}/{{id}}/health-checks",  # they show commands
    ),
)
