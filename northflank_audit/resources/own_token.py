"""The type of the audit's own token."""

from typing import Final

from northflank_audit.resources.base import LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import boolean, text, texts, time, words

AUTH: Final = ResourceType(
    name="auth",
    family="access",
    singular="token of this audit",
    plural="tokens of this audit",
    scope=Scope.TOKEN,
    variable="auth",
    collection="auths",
    listing=Part(
        name=LIST,
        path="/auth",
        paged=False,
        permission=Permission(""),  # any token may ask who it is
        fields=(
            text("id"),
            words("name"),
            words("description"),
            text("tokenKind", "api", "session", "workload"),
            text("entityType", "team", "org"),
            text("entityId"),
            text("orgId"),
            text("scope", "own-project", "role"),
            text("role.roleId"),
            text("role.roleType", "team", "org"),
            text("role.entityType", "team", "org"),
            words("role.name"),
            texts("permissions.orgScope"),
            texts("permissions.teamScope"),
            texts("permissions.projectScope"),
            boolean("projectRestrictions.enabled"),
            text("projectRestrictions.restrictionMode", "in", "notIn"),
            texts("projectRestrictions.projects"),
            text("creatorEmail", personal=True),
            time("createdAt"),
            time("expiresAt", null=True, ahead=True),
        ),
    ),
)
