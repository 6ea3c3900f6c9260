"""Who and what gets into an account: API tokens."""

from typing import Final

from northflank_audit.resources.base import LIST, Part, Permission, ResourceType, Scope, boolean, text, time, words

API_TOKEN: Final = ResourceType(
    name="api-token",
    family="access",
    singular="API token",
    plural="API tokens",
    scope=Scope.ACCOUNT,
    variable="api_token",
    collection="api_tokens",
    listing=Part(
        name=LIST,
        path="/tokens",
        keys=("tokens",),
        permission=Permission("Account > Admin > ApiTokens > Read"),
        fields=(
            text("id"),
            words("name"),
            words("description"),
            boolean("active"),
            boolean("revoked"),
            time("createdAt"),
            time("expiresAt", null=True, ahead=True),
            time("lastUsedAt", changing=True),
            time("revokedAt"),
            text("creatorEmail", personal=True),
            text("role.roleId"),
            text("role.roleType", "team", "org"),
            text("role.entityType", "team", "org"),
            words("role.name"),
        ),
    ),
)
