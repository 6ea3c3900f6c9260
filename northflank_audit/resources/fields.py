"""The fields of a credential that the API is known to give, in either of its generations.

From the platform's documentation of 2024 and 2026-06, its JavaScript client 0.9.5 and its Python SDK 2.1.0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["text", "true or false", "a number", "a list", "a date-time", "a map"]

_PROVIDERS_2024: Final = ("dockerhub", "gcr", "gcr-eu", "gcr-us", "gitlab", "github", "custom")
_PROVIDERS_2026: Final = ("acr", "ecr", "gar", "dockerhub", "dhi", "github", "gitlab", "custom", "legacy")


@dataclass(frozen=True, slots=True)
class Field:
    """A field below `credential`."""

    path: str
    kind: Kind
    values: tuple[str, ...] = ()
    """The values that are documented; others may come all the same. None are where the text is free."""
    items: Kind | None = None
    """What a list holds."""


FIELDS: Final[Mapping[str, Field]] = {
    field.path: field
    for field in (
        Field("id", "text"),
        Field("name", "text"),
        Field("description", "text"),
        Field("provider", "text", tuple(dict.fromkeys(_PROVIDERS_2024 + _PROVIDERS_2026))),
        Field("restrictions", "a map"),
        Field("restrictions.restricted", "true or false"),
        Field("restrictions.projects", "a list", items="text"),
        Field("registryUrl", "text"),
        Field("aws", "a map"),
        Field("aws.region", "text"),
        Field("gcp", "a map"),
        Field("gcp.projectId", "text"),
        Field("azure", "a map"),
        Field("azure.resourceGroup", "text"),
        Field("integrationId", "text"),
        Field("credentials", "a map"),
        Field("credentials.scope", "a map"),
        Field("credentials.scope.pull", "true or false"),
        Field("credentials.scope.push", "true or false"),
        Field("registryCredentialRefresh", "a map"),
        Field("registryCredentialRefresh.status", "text", ("healthy", "retrying", "suspended")),
        Field("registryCredentialRefresh.failureCount", "a number"),
        Field("registryCredentialRefresh.retryDelay", "a number"),
        Field("registryCredentialRefresh.lastFailureAt", "a date-time"),
        Field("registryCredentialRefresh.nextAttemptAt", "a date-time"),
        Field("registryCredentialRefresh.error", "a map"),
        Field("registryCredentialRefresh.error.type", "text"),
        Field("registryCredentialRefresh.error.message", "text"),
        Field("registryCredentialRefresh.error.providerCode", "text"),
        Field("createdAt", "a date-time"),
        Field("updatedAt", "a date-time"),
    )
}
"""Every field that is no secret, by its path. Those of `registryCredentialRefresh` are documented as examples only."""

SECRETS: Final = ("credentials.username", "credentials.password", "auths")
"""What the detail answer displays, and this tool drops where it is decoded."""


def below(path: Sequence[str]) -> list[str]:
    """Return the names of the fields right below a path."""
    start = "".join(f"{step}." for step in path)
    return [name[len(start) :] for name in FIELDS if name.startswith(start) and "." not in name[len(start) :]]


def generation(record: Mapping[str, object]) -> str:
    """Return which generation of the API's list a record is of: only that of 2024 has these fields, and always."""
    return "2024" if "description" in record or "restrictions" in record else "2026"


def complete(record: Mapping[str, object], *, detailed: bool) -> bool:
    """Tell whether a record has all that the API gives of it: its detail was read, or it is of 2024's complete list."""
    return detailed or "restrictions" in record
