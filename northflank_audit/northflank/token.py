"""The API token."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """The API token, and where it came from, for messages. Its value never shows in a repr."""

    value: str = field(repr=False)
    origin: str
