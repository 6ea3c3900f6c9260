"""The account as a whole: the token's own, or a team's."""

from typing import Final

from northflank_audit.resources.base import ResourceType, Scope

ACCOUNT: Final = ResourceType(
    name="account",
    family="account",
    singular="account",
    plural="accounts",
    scope=Scope.WHOLE,
    variable="account",
    collection="",
    alias="registry-credential",
)
