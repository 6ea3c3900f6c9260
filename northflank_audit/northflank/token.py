"""The API token, and where it may go."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final

TOKEN_VARIABLES: Final = ("NORTHFLANK_API_TOKEN", "NF_API_TOKEN")
"""The variables of the environment that hold it, the first that is set."""


@dataclass(frozen=True, slots=True)
class Token:
    """The API token, and where it came from, for messages. Its value never shows in a repr."""

    value: str = field(repr=False)
    origin: str


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: the only one that the token goes to over plain http."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
