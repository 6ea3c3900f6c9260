"""Types about delivery: Git links, templates, tags, rollout strategies."""

from typing import Final

from northflank_audit.resources.base import LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import address, boolean, number, text, texts, time, words

VCS_LINK: Final = ResourceType(
    name="vcs-link",
    family="delivery",
    singular="Git link",
    plural="Git links",
    scope=Scope.ACCOUNT,
    variable="vcs_link",
    collection="vcs_links",
    id="vcsLinkId",  # the documentation of 2026-06 has no id at all
    label="alias",
    listing=Part(
        name=LIST,
        path="/integrations/vcs",
        keys=("vcsAccountLinks",),
        paged=False,
        permission=Permission("Account > Git > General > Read"),
        fields=(
            text("vcsLinkId"),
            words("alias"),
            words("name"),
            words("entityName"),
            text("internalId"),
            text("login", personal=True),
            text("email", personal=True),
            text("vcsService", "bitbucket", "gitlab", "github", "self-hosted", "azure", "origin"),
            text("vcsType", "gitlab-ee", "github-ghe", "gitea"),
            address("vcsUrl"),
            text("originRepoSelectionMode", "all", "selected"),
            text("originTargetSlug"),
            texts("originScopes"),
            texts("originMissingScopes"),
        ),
    ),
)

TEMPLATE: Final = ResourceType(
    name="template",
    family="delivery",
    singular="template",
    plural="templates",
    scope=Scope.ACCOUNT,
    variable="template",
    collection="templates",
    listing=Part(
        name=LIST,
        path="/templates",
        keys=("templates",),
        permission=Permission("Account > Templates > General > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("apiVersion", "v1.2"),
            text("concurrencyPolicy", "allow", "queue", "forbid", "latest", "replace"),
            boolean("options.autorun"),
            text("options.concurrencyPolicy", "allow", "queue", "forbid", "latest", "replace"),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
        secrets=("spec", "teardownSpec", "arguments"),
    ),
    never=("/templates/{id}",),  # any text of its specification and arguments may be a secret
)

_RUNTIME_CLASSES: Final = ("none", "gvisor", "kata-clh", "kata-qemu")
_WORKLOADS: Final = ("builds", "services", "addons", "jobs")

TAG: Final = ResourceType(
    name="tag",
    family="delivery",
    singular="tag",
    plural="tags",
    scope=Scope.ACCOUNT,
    variable="tag",
    collection="tags",
    listing=Part(
        name=LIST,
        path="/tags",
        keys=("tags",),
        permission=Permission("Account > Platform > Tags > Read", "Account > Tags > General > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("color"),
            boolean("useSpotNodes"),
            boolean("useOnDemandNodes"),
            boolean("useAsInfrastructureLabel"),
            *(boolean(f"sandboxing.{each}.enabled") for each in _WORKLOADS),
            *(text(f"sandboxing.{each}.runtimeClass", *_RUNTIME_CLASSES) for each in _WORKLOADS),
            boolean("nodeAffinities[].preference"),
            text("nodeAffinities[].matchExpressions[].key"),
            text("nodeAffinities[].matchExpressions[].operator", "In", "NotIn"),
            texts("nodeAffinities[].matchExpressions[].values"),
            time("createdAt"),
        ),
    ),
)

_TRIGGERS: Final = "options.triggers"

ROLLOUT_STRATEGY: Final = ResourceType(
    name="rollout-strategy",
    family="delivery",
    singular="rollout strategy",
    plural="rollout strategies",
    scope=Scope.ACCOUNT,
    variable="rollout_strategy",
    collection="rollout_strategies",
    listing=Part(
        name=LIST,
        path="/gradual-rollout-strategies",
        keys=("strategies",),
        permission=Permission("Account > Platform > GradualRollouts > Read"),
        fields=(
            text("id"),
            words("name"),
            text("type", "canary"),
            text("details.canaryStrategy", "percentage", "header"),
            number("details.config.canaryPercentage"),
            number("details.config.stablePercentage"),
            boolean("options.blockDeploymentOnActiveRollout"),
            boolean(f"{_TRIGGERS}.releaseFromApi"),
            boolean(f"{_TRIGGERS}.releaseFromCD"),
            boolean(f"{_TRIGGERS}.releaseFromReleaseFlow"),
            boolean(f"{_TRIGGERS}.releaseFromTemplate"),
            boolean(f"{_TRIGGERS}.releaseFromUI"),
        ),
    ),
)
