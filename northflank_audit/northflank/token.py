"""The API token, and where it may go."""

import ipaddress
from typing import Final

import msgspec

TOKEN_VARIABLES: Final = ("NORTHFLANK_API_TOKEN", "NF_API_TOKEN")
"""The environment variables that may hold it; the first that is set counts."""


class Token(msgspec.Struct, frozen=True):
    """The API token, and its origin for messages. Its value never shows in a repr."""

    value: str
    origin: str

    def __repr__(self) -> str:
        return f"Token(origin={self.origin!r})"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, the only one that the token is sent to over plain http."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
