"""Lists and parts that an audit needs to read."""

from collections.abc import Mapping

import msgspec

from northflank_audit.resources import TYPES, ResourceType


class Needs(msgspec.Struct, frozen=True):
    """The needs of some rules, each with the ids of these rules."""

    parts: Mapping[str, Mapping[str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    """By type and part; a type's `list` is always among its parts."""
    personal: Mapping[str, frozenset[str]] = msgspec.field(default_factory=dict)
    """The personal fields that a rule reads, by type."""
    ranks: Mapping[str, int] = msgspec.field(default_factory=dict)
    """By type, the rank of the most severe rule that needs it; higher is more severe."""
    whole: Mapping[str, frozenset[str]] = msgspec.field(default_factory=dict)
    """By type, the parts that are needed of all resources, even if their verdicts are settled."""

    @property
    def types(self) -> list[str]:
        """The types whose lists are needed, in the catalogue's order."""
        return [name for name in TYPES if name in self.parts]

    @property
    def listed(self) -> list[str]:
        """Those of them that have lists of their own."""
        return [name for name in self.types if TYPES[name].within is None]

    @property
    def children(self) -> list[ResourceType]:
        """Those of them that are derived from their parents."""
        return [TYPES[name] for name in self.types if TYPES[name].within is not None]
