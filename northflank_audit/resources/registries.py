"""The type of registry credentials: saved logins to container registries."""

from typing import Any, Final

from northflank_audit.addresses import parsed
from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, Record, ResourceType, Scope
from northflank_audit.resources.fields import Field, Kind, address, boolean, number, text, texts, time, words

_PROVIDERS_2024: Final = ("dockerhub", "gcr", "gcr-eu", "gcr-us", "gitlab", "github", "custom")
_PROVIDERS_2026: Final = ("acr", "ecr", "gar", "dockerhub", "dhi", "github", "gitlab", "custom", "legacy")
_LIST: Final = "/integrations/registries"
_REFRESH: Final = "registryCredentialRefresh"

_FIELDS: Final = (
    text("id"),
    words("name"),
    words("description"),
    text("provider", *dict.fromkeys(_PROVIDERS_2024 + _PROVIDERS_2026)),
    boolean("restrictions.restricted"),
    texts("restrictions.projects"),
    address("registryUrl"),
    boolean("urlHasUser"),
    text("aws.region"),
    text("gcp.projectId"),
    text("azure.resourceGroup"),
    text("integrationId"),
    boolean("credentials.scope.pull"),
    boolean("credentials.scope.push"),
    text(f"{_REFRESH}.status", "healthy", "retrying", "suspended", changing=True),
    number(f"{_REFRESH}.failureCount", changing=True),
    number(f"{_REFRESH}.retryDelay", changing=True),
    time(f"{_REFRESH}.lastFailureAt", changing=True),
    time(f"{_REFRESH}.nextAttemptAt", changing=True, ahead=True),
    text(f"{_REFRESH}.error.type", changing=True),
    Field(path=f"{_REFRESH}.error.message", kind=Kind.TEXT, free=True, changing=True),
    text(f"{_REFRESH}.error.providerCode", changing=True),
    time("createdAt"),
    time("updatedAt", changing=True),
)
_SECRETS: Final = ("credentials.password", "auths.*.password", "auths.*.auth", "auths.*.identitytoken")
_LOGINS: Final = ("credentials.username", "auths.*.username")


def _listed(item: Record) -> Record:
    """Add whether the address has a user name or password, which is removed."""
    url = item.get("registryUrl")
    address = parsed(url) if isinstance(url, str) else None
    return {"urlHasUser": address.has_user} if address else {}


def _detailed(item: Record) -> Record:
    """Also add whether a login is stored, which is dropped."""
    login: Any = item.get("credentials")
    if not isinstance(login, dict | None):  # a value of another kind remains visible
        return _listed(item)
    stored = bool(login and (login.get("username") or login.get("password")))
    return {**_listed(item), "credentials": {"stored": stored or bool(item.get("auths"))}}


def _is_of_2024(record: Record) -> bool:
    """Return whether a record is of the generation with complete lists, which always has restrictions."""
    return "restrictions" in record


def _generation(record: Record) -> str:
    """Return the generation of a list's record; only that of 2024 has these fields."""
    return "2024" if "description" in record or "restrictions" in record else "2026"


REGISTRY_CREDENTIAL: Final = ResourceType(
    name=RESOURCE_TYPE,
    family="registries",
    singular="registry credential",
    plural="registry credentials",
    scope=Scope.ACCOUNT,
    variable="credential",
    collection="registry_credentials",
    command="northflank list registry-credentials -o json",
    open=True,
    generation=_generation,
    lists_all=_is_of_2024,
    listing=Part(
        name=LIST,
        path=_LIST,
        keys=("credentials",),
        title="List registries",
        permission=Permission(
            "Account > Cloud > Registries > Read",
            "Account > Credentials > General > Read",
        ),
        fields=_FIELDS,
        secrets=_SECRETS,
        logins=_LOGINS,
        derive=_listed,
    ),
    parts=(
        Part(
            name=DETAIL,
            path=f"{_LIST}/{{id}}",
            permission=Permission(
                "Account > Cloud > Registries > Read",
                "Account > Credentials > General > Read Encrypted",
            ),
            fields=(*_FIELDS, boolean("credentials.stored")),
            secrets=_SECRETS,
            logins=_LOGINS,
            derive=_detailed,
        ),
    ),
)
