"""What CEL expressions can use: their variables and functions, in one environment for each way of evaluation."""

from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_strings

from northflank_audit.addresses import parsed
from northflank_audit.model import ACCOUNT_TYPE, RESOURCE_TYPE

WIDE: Final[tuple[str, ...]] = ("resources", "projects")
"""The variables that hold more than one record. What of them is not known is not given."""
VARIABLES: Final = {
    RESOURCE_TYPE: ("credential", "params", "now", "detailed", *WIDE),
    ACCOUNT_TYPE: (*WIDE, "params", "now"),
}
"""The variables that an expression can use, by what its rule is about."""
OWN: Final = {RESOURCE_TYPE: ("credential", "params", "detailed"), ACCOUNT_TYPE: ("params",)}
"""The variables that differ from verdict to verdict, by what a rule is about."""
ADDRESS_PARTS: Final = ("scheme", "host", "port", "path")
"""What `url()` gives of an address."""
NO_ADDRESS: Final = "the address can't be parsed"
"""What `url()` fails with."""


def _url(text: str) -> dict[str, Any]:
    address = parsed(text)
    if address is None:
        raise ValueError(NO_ADDRESS)
    return {part: getattr(address, part) for part in ADDRESS_PARTS}


_PARTS: Final = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_URL: Final = cel.FunctionDecl(
    "url", [cel.Overload("url_string", _PARTS, [cel.Type.STRING], is_member=False, impl=_url)]
)
_ASK: Final = cel.FunctionDecl("own", [cel.Overload("own_string", cel.Type.DYN, [cel.Type.STRING], is_member=False)])
_EXTENSIONS: Final = [ext_bindings.ExtBindings(), ext_strings.ExtStrings(), cel.CelExtension("addresses", [_URL])]
_NOW: Final = {"now": cel.Type.TIMESTAMP}
_COMMON: Final = {"resources": cel.Type.List(cel.Type.DYN), "projects": cel.Type.List(cel.Type.STRING), **_NOW}
_TYPES: Final = {"credential": cel.Type.DYN, "params": cel.Type.DYN, "detailed": cel.Type.BOOL}

ONE: Final = {
    kind: cel.NewEnv(variables={**_COMMON, **{name: _TYPES[name] for name in names}}, extensions=_EXTENSIONS)
    for kind, names in OWN.items()
}
"""For one verdict, by what a rule is about."""
MANY: Final = cel.NewEnv(
    variables={
        "page": cel.Type.List(cel.Type.DYN),
        "parameters": cel.Type.List(cel.Type.DYN),
        "detailed": cel.Type.BOOL,
        **_NOW,
    },
    extensions=_EXTENSIONS,
)
"""For many rules and records at a time."""
SHARED: Final = cel.NewEnv(variables=_COMMON, extensions=[*_EXTENSIONS, cel.CelExtension("shared", [_ASK])])
"""For one verdict at a time among many records: an expression asks for its own variables by `own(name)`."""
