"""Types about AI: harnesses, which run coding agents, and served models."""

from typing import Final

from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import address, boolean, number, text, texts, time, words
from northflank_audit.resources.runtime import PORT_SECRETS, PORTS, derived, environment

_HARNESS: Final = "/projects/{project}/harnesses"
_READ_HARNESSES: Final = Permission("Project > Harnesses > General > Read")
_ENVIRONMENT: Final = ("runtimeEnvironment", "runtimeFiles")
_GIT: Final = ("bitbucket", "gitlab", "github", "self-hosted", "azure", "origin")
_OF_EVERY_HARNESS: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("appId"),
    boolean("private"),
    text("harness.type", "codex", "claude", "pi", "opencode", "cursor", "none"),
    address("source.projectUrl"),
    text("source.projectType", *_GIT),
    text("source.projectBranch"),
    texts("tags", free=True),
)
_SECRETS: Final = ("harness.apiKey", *_ENVIRONMENT, *PORT_SECRETS)

HARNESS: Final = ResourceType(
    name="harness",
    family="workloads",
    singular="harness",
    plural="harnesses",
    scope=Scope.PROJECT,
    variable="harness",
    collection="harnesses",
    listing=Part(
        name=LIST,
        path=_HARNESS,
        keys=("harnesses",),
        permission=_READ_HARNESSES,
        fields=_OF_EVERY_HARNESS,
        secrets=_SECRETS,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_HARNESS}/{{id}}",
            permission=_READ_HARNESSES,
            fields=(
                *_OF_EVERY_HARNESS,
                text("apiAccess", "team-default", "disabled"),
                boolean("harnessPaused"),
                text("harness.authMode", "apiKey", "account"),
                boolean("source.publicRepo"),
                text("additionalRepositories[].directory"),
                address("additionalRepositories[].source.projectUrl"),
                text("additionalRepositories[].source.projectType", *_GIT),
                boolean("additionalRepositories[].source.publicRepo"),
                boolean("repositoryData.privateRepo"),
                text("deployment.imageSource", "managed", "internal", "external"),
                address("deployment.external.imagePath"),
                text("deployment.external.credentials"),
                text("deployment.internal.id"),
                text("deployment.internal.branch"),
                text("deployment.internal.buildSHA"),
                boolean("deployment.persistentWorkspace"),
                *PORTS,
                *environment(_ENVIRONMENT),
                text("cluster.id"),
                time("createdAt"),
                time("updatedAt", changing=True),
            ),
            secrets=_SECRETS,
            derive=derived,
        ),
    ),
)

LLM_MODEL_DEPLOYMENT: Final = ResourceType(
    name="llm-model-deployment",
    family="workloads",
    singular="AI model",
    plural="AI models",
    scope=Scope.PROJECT,
    variable="llm_model_deployment",
    collection="llm_model_deployments",
    listing=Part(
        name=LIST,
        path="/projects/{project}/llm-model-deployments",
        keys=("llmModelDeployments",),
        permission=Permission("Project > AiModels > General > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("entityType", "user", "team", "org"),
            text("creatorId", personal=True),
            text(
                "status",
                "pending",
                "provisioning",
                "starting",
                "crashed",
                "paused",
                "running",
                "deleting",
                changing=True,
            ),
            text("spec.type", "custom"),
            words("spec.configuration.name"),
            text("spec.configuration.engine", "vllm"),
            text("spec.configuration.revision"),
            boolean("spec.configuration.architecture.workerConfig.trustRemoteCode"),
            text("ports[].id"),
            words("ports[].name"),
            number("ports[].internalPort"),
            text("ports[].protocol"),
            boolean("ports[].public"),
            text("ports[].dns"),
            boolean("ports[].disableNfDomain"),
            texts("tags", free=True),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
    ),
)
