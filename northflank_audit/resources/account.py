"""The type of an account as a whole."""

from typing import Final

from northflank_audit.model import ACCOUNT_TYPE, RESOURCE_TYPE
from northflank_audit.resources.base import ResourceType, Scope

ACCOUNT: Final = ResourceType(
    name=ACCOUNT_TYPE,
    family="account",
    singular="account",
    plural="accounts",
    scope=Scope.WHOLE,
    variable="account",
    collection="",
    alias=RESOURCE_TYPE,
)
