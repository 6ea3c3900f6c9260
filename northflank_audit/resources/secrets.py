"""Types about secrets, whose values are never requested."""

from typing import Final

from northflank_audit.resources.base import LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import address, boolean, number, text, texts, time, words

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

GLOBAL_SECRET: Final = ResourceType(
    name="global-secret",
    family="secrets",
    singular="global secret",
    plural="global secrets",
    scope=Scope.ACCOUNT,
    variable="global_secret",
    collection="global_secrets",
    listing=Part(
        name=LIST,
        path="/secrets",
        keys=("secrets",),
        permission=Permission("Account > GlobalSecrets > Secrets > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("type", "secret", "config"),
            time("createdAt"),
            time("updatedAt"),
        ),
        secrets=("secrets",),
    ),
    never=("/secrets/{id}",),
)

ENCRYPTION_CONFIGURATION: Final = ResourceType(
    name="encryption-configuration",
    family="secrets",
    singular="encryption configuration",
    plural="encryption configurations",
    scope=Scope.ACCOUNT,
    variable="encryption_configuration",
    collection="encryption_configurations",
    listing=Part(
        name=LIST,
        path="/encryption/configurations",
        keys=("encryptionConfigurations",),  # `encryptionMode` is beside it
        permission=Permission("Account > Admin > Encryption > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            boolean("active"),
            text("envelope.provider", "aws", "gcp", "azure", "vault-transit"),
            text("envelope.keyId"),
            text("envelope.region"),
            text("envelope.projectId"),
            text("envelope.location"),
            text("envelope.keyRing"),
            text("envelope.cryptoKey"),
            text("envelope.keyName"),
            address("envelope.address"),
            number("envelope.options.cacheTtlSeconds"),
            text("vault.version"),
            time("createdAt"),
            time("firstActivatedAt"),
        ),
        secrets=("envelope.externalId",),
    ),
)
