"""The API token, and where it may go."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final

TOKEN_VARIABLES: Final = ("NORTHFLANK_API_TOKEN", "NF_API_TOKEN")
"""The environment variables that may hold it; the first that is set counts."""


@dataclass(frozen=True, slots=True)
class Token:
    """The API token, and its origin for messages. Its value never shows in a repr."""

    value: str = field(repr=False)
    origin: str


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, the only one that the token is sent to over plain http."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
