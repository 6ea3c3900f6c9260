"""Credential records of both API generations, and what of them is kept."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from northflank_audit.addresses import without_user
from northflank_audit.northflank.secrets import MASK, Secrets, is_address, is_secret

_USER_IN_URL = re.compile(r"(?<=://)[^/\\?#\s]*@")

DEEPEST: Final = 100
"""Maps and lists within each other, in a record that can be judged."""

_SCALARS: Final[Mapping[str, Any]] = {}
_LIST: Final[Mapping[str, Any]] = {}
DETAIL: Final[Mapping[str, Any]] = {
    "id": _SCALARS,
    "name": _SCALARS,
    "description": _SCALARS,
    "provider": _SCALARS,
    "restrictions": {"restricted": _SCALARS, "projects": _LIST},
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


def _clean(value: Any, secrets: Secrets, depth: int = 0) -> Any:
    """Return a value without secrets and nulls, and add to `secrets` what was left out.

    Raises RecursionError for what is nested more deeply than DEEPEST.
    """
    if isinstance(value, str):
        if "://" not in value:
            return value
        secrets.add_address(value)
        return _USER_IN_URL.sub("", value)
    if not isinstance(value, dict | list):
        return value
    if depth > DEEPEST:
        raise RecursionError
    if isinstance(value, list):
        return [_clean(item, secrets, depth + 1) for item in value]
    kept = {}
    for key, item in value.items():
        if is_secret(key, item):
            secrets.add(key, item)
        elif isinstance(item, str) and is_address(key):
            secrets.add_address(item)
            kept[key] = without_user(item)
        elif item is not None:
            kept[key] = _clean(item, secrets, depth + 1)
    return kept


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

    A field that is null is as if it were absent. Of an address, the user name and password are secret; what repeats a
    secret of the record in its free text is masked.
    """
    secrets = Secrets()
    record: dict[str, Any] = _clean(item, secrets)
    return secrets.masked(record) if secrets else record


def merged(record: dict[str, Any], detail: dict[str, Any]) -> dict[str, Any]:
    """Return a list's record with what its detail answer adds: the known fields alone.

    What repeats a secret of the detail is masked in both.
    """
    secrets = Secrets()
    both = _merge(record, _kept(_clean(detail, secrets), DETAIL))
    return secrets.masked(both) if secrets else both


def _kept(value: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _of_kind(value[key], inner) for key, inner in known.items() if key in value}


def _of_kind(value: Any, known: Mapping[str, Any]) -> Any:
    """Return what of a value is of its field's kind. Of another kind a shell is left, so that rules can tell."""
    if known is _LIST:
        return [_shell(item) for item in value] if isinstance(value, list) else _shell(value)
    if known is _SCALARS:
        return _shell(value)
    if isinstance(value, dict):
        return _kept(value, known)
    return MASK if isinstance(value, str) else _shell(value)


def _shell(value: Any) -> Any:
    """Return a scalar as it is, and a list or map without what is in it."""
    return [] if isinstance(value, list) else {} if isinstance(value, dict) else value


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for key, item in new.items():
        before = both.get(key)
        both[key] = _merge(before, item) if isinstance(before, dict) and isinstance(item, dict) else item
    return both
