"""The API token, and where it may go."""

import ipaddress
from dataclasses import dataclass, field


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
