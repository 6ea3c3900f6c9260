"""Facts about an account that the API does not show.

Source: the API's documentation, and the types of its official client for JavaScript, neither of which has a field or
an endpoint for any of these.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.report import TypeCoverage


class Fact(msgspec.Struct, frozen=True):
    """A fact about an account that no endpoint gives."""

    text: str
    """For a person."""
    controls: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)
    """The controls of frameworks that nothing else could prove; not those that rules prove parts of."""


FACTS: Final = (
    Fact(
        "multi-factor authentication: which members use it, and whether it is required",
        {
            "nist-800-53": ["IA-2(1)", "IA-2(2)"],
            "iso-27001": ["A.8.5"],
            "cis-v8": ["6.3", "6.5"],
            "pci-dss": ["8.4.1", "8.4.2", "8.4.3"],
        },
    ),
    Fact("single sign-on: how it is set up", {"nist-800-53": ["IA-2(10)"], "cis-v8": ["5.6", "6.7"]}),
    Fact("sessions: how long they last, and when idle ones end", {"nist-800-53": ["AC-12"], "pci-dss": ["8.2.8"]}),
    Fact("network policies: which traffic between services they allow"),
    Fact(
        "past audit events: who changed what",
        {"nist-800-53": ["AU-12"], "cis-v8": ["8.5"], "pci-dss": ["10.2.1.2", "10.2.1.5"]},
    ),
    Fact("invitations: who may invite whom"),
)


def facts(types: Iterable[TypeCoverage]) -> Sequence[Fact]:
    """Return what an audit of these types can't show; nothing for an audit of registry credentials alone."""
    return FACTS if any(each.type != RESOURCE_TYPE for each in types) else ()
