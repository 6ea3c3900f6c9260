"""The variables and functions of CEL expressions."""

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_strings

from northflank_audit.addresses import parsed
from northflank_audit.resources import TYPES

ACCOUNT_VARIABLES: Final[tuple[str, ...]] = ("account", "resources", "projects")
"""The variables that hold more than one record. Unknown lists are not in their values."""
ADDRESS_PARTS: Final = ("scheme", "host", "port", "path")
"""The parts that `url()` returns of an address."""
NO_ADDRESS: Final = "the address can't be parsed"
"""The error of `url()`."""


class _Result(threading.local):
    """The result of `url()`, one object for each thread: the engine copies a result, and never frees it (0.1.3)."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}


_result: Final = _Result()


def _url(text: str) -> dict[str, Any]:
    address = parsed(text)
    if address is None:
        raise ValueError(NO_ADDRESS)
    _result.parts.update((part, getattr(address, part)) for part in ADDRESS_PARTS)
    return _result.parts


_PARTS: Final = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_URL: Final = cel.FunctionDecl(
    "url", [cel.Overload("url_string", _PARTS, [cel.Type.STRING], is_member=False, impl=_url)]
)
_ASK: Final = cel.FunctionDecl("own", [cel.Overload("own_string", cel.Type.DYN, [cel.Type.STRING], is_member=False)])
_EXTENSIONS: Final = [ext_bindings.ExtBindings(), ext_strings.ExtStrings(), cel.CelExtension("addresses", [_URL])]
_NOW: Final = {"now": cel.Type.TIMESTAMP}
_COMMON: Final = {
    "account": cel.Type.DYN,
    "resources": cel.Type.List(cel.Type.DYN),
    "projects": cel.Type.List(cel.Type.STRING),
    **_NOW,
}
_TYPES: Final = {"params": cel.Type.DYN, "detailed": cel.Type.BOOL}
_CACHE_SIZE: Final = 64
"""Types whose environments are kept."""

SHARED: Final = cel.NewEnv(variables=_COMMON, extensions=[*_EXTENSIONS, cel.CelExtension("shared", [_ASK])])
"""For one verdict at a time among many records: an expression reads its own variables by `own(name)`."""


class Own(dict[str, Any]):
    """The variables of one evaluation after the other, by their names.

    The engine copies what a function returns, and never frees it (0.1.3). So records and parameters are put into the
    same maps each time.
    """

    def take(self, variables: Mapping[str, Any]) -> None:
        """Take the variables of the next evaluation."""
        for name, value in variables.items():
            if not isinstance(value, dict):
                self[name] = value
                continue
            kept = self.setdefault(name, {})
            kept.clear()
            kept.update(value)

    def forget(self) -> None:
        """Drop what the last evaluation had."""
        for kept in self.values():
            if isinstance(kept, dict):
                kept.clear()


def own(resource_type: str) -> tuple[str, ...]:
    """Return the variables that differ from verdict to verdict, for rules about a type."""
    kind = TYPES[resource_type]
    return ("params",) if kind.listing is None else (kind.variable, "params", "detailed")


def variables(resource_type: str) -> tuple[str, ...]:
    """Return the variables that an expression of a rule about a type can use."""
    first = ("now",) if TYPES[resource_type].listing is None else ("now", "detailed")
    return (*(name for name in own(resource_type) if name != "detailed"), *first, *ACCOUNT_VARIABLES)


@lru_cache(_CACHE_SIZE)
def one(resource_type: str) -> Any:
    """Return the environment for one verdict of a rule about a type."""
    return cel.NewEnv(
        variables={**_COMMON, **{name: _TYPES.get(name, cel.Type.DYN) for name in own(resource_type)}},
        extensions=_EXTENSIONS,
    )


@lru_cache(_CACHE_SIZE)
def many() -> Any:
    """Return the environment for many rules and records at a time."""
    many_records = {"page": cel.Type.List(cel.Type.DYN), "parameters": cel.Type.List(cel.Type.DYN)}
    return cel.NewEnv(variables={**many_records, "detailed": cel.Type.BOOL, **_NOW}, extensions=_EXTENSIONS)
