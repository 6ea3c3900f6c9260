"""Types about pipelines, workflows and preview blueprints, without their steps."""

from typing import Final

from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import address, boolean, number, text, texts, time, words

_PIPELINE: Final = "/projects/{project}/pipelines"
_READ_PIPELINES: Final = Permission("Project > Pipelines > General > Read")
_OF_EVERY_ONE: Final = (
    text("id"),
    words("name"),
    words("description"),
    time("createdAt"),
    time("updatedAt", changing=True),
)
_OF_A_PIPELINE: Final = (words("name"), words("description"))

PIPELINE: Final = ResourceType(
    name="pipeline",
    family="delivery",
    singular="pipeline",
    plural="pipelines",
    scope=Scope.PROJECT,
    variable="pipeline",
    collection="pipelines",
    listing=Part(
        name=LIST,
        path=_PIPELINE,
        keys=("pipelines",),
        permission=_READ_PIPELINES,
        fields=_OF_EVERY_ONE,
        secrets=("preview",),
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_PIPELINE}/{{id}}",
            permission=_READ_PIPELINES,
            identified=False,
            fields=(  # the contents of `stages` are not documented
                *_OF_A_PIPELINE,
                text("nfObjects[].id"),
                text("nfObjects[].type", "service", "job", "addon"),
                text("nfObjects[].stage", "Development", "Staging", "Production"),
            ),
            secrets=("preview",),
        ),
    ),
    never=(
        f"{_PIPELINE}/{{id}}/preview-envs",
        f"{_PIPELINE}/{{id}}/preview-envs/runs",
        f"{_PIPELINE}/{{id}}/release-flows/{{stage}}",
        f"{_PIPELINE}/{{id}}/release-flows/{{stage}}/runs",
    ),
)

_CONCURRENCY: Final = ("allow", "queue", "forbid", "latest", "replace")
_OF_EVERY_TEMPLATE: Final = (
    *_OF_EVERY_ONE,
    boolean("options.autorun"),
    text("options.concurrencyPolicy", *_CONCURRENCY),
)
_OF_A_TEMPLATE: Final = (
    words("name"),
    words("description"),
    boolean("options.autorun"),
    text("options.concurrencyPolicy", *_CONCURRENCY),
    boolean("paused"),
    text(
        "status",
        "pending",
        "running",
        "success",
        "failure",
        "aborted",
        "aborting",
        "queued",
        "unknown",
        "skipped",
        "waiting",
        "retrying",
        "async_wait",
        "approval_wait",
        changing=True,
    ),
    text("concurrencyPolicy", *_CONCURRENCY),
    address("gitops.repoUrl"),
    text("gitops.branch"),
    text("gitops.filePath"),
    text("gitops.vcsService", "bitbucket", "gitlab", "github", "self-hosted", "azure", "origin"),
    text("triggers[].id"),
    text(
        "triggers[].kind",
        "vcs-push",
        "vcs-pr",
        "vcs-pr-label",
        "vcs-release",
        "vcs-check-suite",
        "webhook",
        "cron",
    ),
    boolean("triggers[].paused"),
    address("triggers[].spec.vcs.repoUrl"),
    texts("triggers[].spec.branchNamePatterns"),
    texts("triggers[].spec.labelNamePatterns"),
    boolean("triggers[].spec.ignoreDrafts"),
    text("triggers[].spec.cron"),
    time("createdAt"),
    time("updatedAt", changing=True),
)
_SECRETS: Final = ("spec", "teardownSpec", "arguments", "argumentOverrides", "triggers.spec.token")
_BLUEPRINT: Final = "/projects/{project}/preview-blueprints"
_READ_BLUEPRINTS: Final = Permission("Project > PreviewBlueprints > General > Read")

PREVIEW_BLUEPRINT: Final = ResourceType(
    name="preview-blueprint",
    family="delivery",
    singular="preview blueprint",
    plural="preview blueprints",
    scope=Scope.PROJECT,
    variable="preview_blueprint",
    collection="preview_blueprints",
    listing=Part(
        name=LIST,
        path=_BLUEPRINT,
        keys=("workflows", "pipelines"),  # the SDK's, and that of the documentation of 2026-06
        permission=_READ_BLUEPRINTS,
        fields=_OF_EVERY_TEMPLATE,
        secrets=_SECRETS,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_BLUEPRINT}/{{id}}",
            permission=_READ_BLUEPRINTS,
            identified=False,
            fields=(
                *_OF_A_TEMPLATE,
                number("options.expiry.previewLifetime"),  # minutes since a preview's last update
                boolean("options.expiry.resetOnUpdate"),
                boolean("options.useBranchContents"),
            ),
            secrets=_SECRETS,
        ),
    ),
    never=(f"{_BLUEPRINT}/{{id}}/runs", f"{_BLUEPRINT}/{{id}}/runs/{{run}}"),
)

_WORKFLOW: Final = "/projects/{project}/workflows"
_READ_WORKFLOWS: Final = Permission("Project > Workflows > General > Read")

WORKFLOW: Final = ResourceType(
    name="workflow",
    family="delivery",
    singular="workflow",
    plural="workflows",
    scope=Scope.PROJECT,
    variable="workflow",
    collection="workflows",
    listing=Part(
        name=LIST,
        path=_WORKFLOW,
        keys=("pipelines",),  # so do the SDK and the documentation call it
        permission=_READ_WORKFLOWS,
        fields=_OF_EVERY_TEMPLATE,
        secrets=_SECRETS,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_WORKFLOW}/{{id}}",
            permission=_READ_WORKFLOWS,
            identified=False,
            fields=(
                *_OF_A_TEMPLATE,
                boolean("crossProjectAccess.enabled"),
                boolean("crossProjectAccess.isAllowList"),
                texts("crossProjectAccess.projects"),
                text("stageId"),
            ),
            secrets=_SECRETS,
        ),
    ),
    never=(f"{_WORKFLOW}/{{id}}/runs", f"{_WORKFLOW}/{{id}}/runs/{{run}}"),
)
