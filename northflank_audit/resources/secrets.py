"""Where secrets are kept: secret groups. Their values are never asked for."""

from typing import Final

from northflank_audit.resources.base import (
    LIST,
    Part,
    Permission,
    ResourceType,
    Scope,
    boolean,
    number,
    text,
    texts,
    words,
)

SECRET_GROUP: Final = ResourceType(
    name="secret-group",
    family="secrets",
    singular="secret group",
    plural="secret groups",
    scope=Scope.PROJECT,
    variable="secret_group",
    collection="secret_groups",
    listing=Part(
        name=LIST,
        path="/projects/{project}/secrets",
        keys=("secrets",),
        permission=Permission("Project > Secrets > SecretGroups > List"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("type", "secret", "config"),
            text("secretType", "environment-arguments", "environment", "arguments"),
            number("priority"),
            texts("tags"),
            boolean("restrictions.restricted"),
            text("restrictions.nfObjects[].id"),
            text("restrictions.nfObjects[].type", "service", "job"),
            texts("restrictions.tags"),
            text("restrictions.tagMatchCondition", "and", "or"),
            texts("restrictions.stageIds"),
        ),
        secrets=("secrets", "addonSecrets"),
    ),
    never=("/projects/{project}/secrets/{id}", "/projects/{project}/secrets/{id}/details"),
)
