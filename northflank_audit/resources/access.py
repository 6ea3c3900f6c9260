"""Types about access to an account: API tokens, SSH identities."""

from typing import Final

from northflank_audit.resources import sshkeys
from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, Record, ResourceType, Scope
from northflank_audit.resources.fields import boolean, number, text, texts, time, words

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

_SSH: Final = "/integrations/ssh-identities"
_READ_SSH: Final = Permission("Account > Platform > Ssh > Read", "Account > Ssh > General > Read")
_OF_EVERY_SSH_IDENTITY: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("sshPublicKeys[].key"),
    text("sshPublicKeys[].type", "ssh-ed25519", "ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256"),
    number("sshPublicKeys[].bits"),
    boolean("restrictions.projects.enabled"),
    texts("restrictions.projects.items"),
    boolean("restrictions.tags.enabled"),
    texts("restrictions.tags.items"),
    text("restrictions.tags.matchCondition", "and", "or"),
    time("createdAt"),
    time("updatedAt", changing=True),
)


def _has_keys(record: Record) -> bool:
    """Return whether the list shows keys: its schema and example have them, but its text says that it does not."""
    return "sshPublicKeys" in record


SSH_IDENTITY: Final = ResourceType(
    name="ssh-identity",
    family="access",
    singular="SSH identity",
    plural="SSH identities",
    scope=Scope.ACCOUNT,
    variable="ssh_identity",
    collection="ssh_identities",
    lists_all=_has_keys,
    listing=Part(
        name=LIST,
        path=_SSH,
        keys=("identities",),
        permission=_READ_SSH,
        fields=_OF_EVERY_SSH_IDENTITY,
        derive=sshkeys.without_comments,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_SSH}/{{id}}",
            permission=_READ_SSH,
            fields=_OF_EVERY_SSH_IDENTITY,
            derive=sshkeys.without_comments,
        ),
    ),
)
