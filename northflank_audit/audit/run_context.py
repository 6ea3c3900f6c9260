"""What a run gets from its caller besides its settings."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from northflank_audit.audit.policy_reading import RuleReader
from northflank_audit.northflank.token import Token

if TYPE_CHECKING:
    from northflank_audit.northflank.budget import TokenLimit
    from northflank_audit.northflank.transport import CuttableAdapter

Watch = Callable[[int], None]
"""Called with the number of resources that were just evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What runs of the same process share, and how the run is named among them."""

    token: Token | None = None
    """None: that of the settings or the environment."""
    limit: "TokenLimit | None" = None
    """What runs with the same token share."""
    adapter: "CuttableAdapter | None" = None
    """The connections of the run before."""
    rules: RuleReader | None = None
    """Who reads the rules of several runs; None: they are read for this one."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """The variables that say where else a report goes."""
    has_read: Callable[[], None] = lambda: None
    """Called when the source has been read; the connections are free then."""
    target: str = ""
    """It identifies the account in the history if the API does not name its owner."""


ALONE: Final = RunContext()
