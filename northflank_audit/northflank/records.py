"""Credential records of both API generations: what of them is kept, and what is a secret.

Secrets go where an answer is decoded, before anything else sees the record.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

SECRET_KEYS: Final = frozenset(
    {"auth", "auths", "identitytoken", "password", "registrytoken", "secret", "token", "username"}
)
"""Keys, in lower case, that are dropped wherever they stand: those of the detail answer and of a Docker config."""

_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s]*@")
_USER_IN_ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)

_SCALARS: Final[Mapping[str, Any]] = {}
DETAIL: Final[Mapping[str, Any]] = {
    "id": _SCALARS,
    "name": _SCALARS,
    "description": _SCALARS,
    "provider": _SCALARS,
    "restrictions": {"restricted": _SCALARS, "projects": _SCALARS},
    "registryUrl": _SCALARS,
    "aws": {"region": _SCALARS},
    "gcp": {"projectId": _SCALARS},
    "azure": {"resourceGroup": _SCALARS},
    "integrationId": _SCALARS,
    "credentials": {"scope": {"pull": _SCALARS, "push": _SCALARS}},
    "registryCredentialRefresh": {
        **dict.fromkeys(("status", "failureCount", "retryDelay", "lastFailureAt", "nextAttemptAt"), _SCALARS),
        "error": dict.fromkeys(("type", "message", "providerCode"), _SCALARS),
    },
    "createdAt": _SCALARS,
    "updatedAt": _SCALARS,
}
"""What is kept of a detail answer. That endpoint displays secrets, so a field nobody knows may be one."""


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_user(item) if isinstance(item, str) and key.lower().endswith("url") else _clean(item)
            for key, item in value.items()
            if item is not None and key.lower() not in SECRET_KEYS
        }
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, str) and "://" in value:
        return _USER_IN_URL.sub("", value)
    return value


def _without_user(address: str) -> str:
    """Return an address without what may stand before an @, be it well-formed or not."""
    return _USER_IN_ADDRESS.sub(r"\1", address)


def has_id(item: Any) -> bool:
    """Tell whether an item of a list is a record that can be told from others: the id is all that is required."""
    return isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"] != ""


def claimed(pagination: Mapping[str, Any]) -> int | None:
    """Return how many items a list's answer says that it has."""
    count = pagination.get("count")
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def contradictions(items: list[Any], pagination: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield what a list's answer contradicts itself in: its count, and items without an id."""
    count = pagination.get("count")
    if count is not None and count != len(items):
        yield f"{where}: it says that it has {count} items, and has {len(items)}"
    bad = sum(not has_id(item) for item in items)
    if bad:
        yield f"{where}: {bad} of {len(items)} items {'has' if bad == 1 else 'have'} no id, and could not be judged"


def listed(item: dict[str, Any]) -> dict[str, Any]:
    """Return a record of a list: every field, known or not, that holds something and is no secret.

    A field that is null is as if it were absent. Of what looks like an address, the part before an @ is secret.
    """
    record: dict[str, Any] = _clean(item)
    return record


def merged(record: dict[str, Any], detail: dict[str, Any]) -> dict[str, Any]:
    """Return a list's record with what its detail answer adds: the known fields alone."""
    return _merge(record, _kept(listed(detail), DETAIL))


def _kept(value: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, inner in known.items():
        if key not in value:
            continue
        item = value[key]
        if inner is _SCALARS:
            if not isinstance(item, dict):
                kept[key] = item
        elif isinstance(item, dict):
            kept[key] = _kept(item, inner)
    return kept


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for key, item in new.items():
        before = both.get(key)
        both[key] = _merge(before, item) if isinstance(before, dict) and isinstance(item, dict) else item
    return both
