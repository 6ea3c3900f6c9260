"""One target to run, as it travels to a worker: plain data, without the token."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from northflank_audit import __version__
from northflank_audit.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A target to run."""

    name: str
    settings: Settings = field(repr=False)
    """Its paths are absolute, so a worker's working folder does not matter. It may name a database with a password."""
    token_variable: str | None = None
    """The environment variable of its token; None: that of the settings, or the environment's own."""
    fleet: str
    """The id of the fleet's run."""
    folders: tuple[str, ...] = ()
    """The folders, absolute, that reasons do not repeat: that of the fleet file and that of the reports."""
    version: str = __version__
    """The version of the tool that made it."""

    @property
    def token_name(self) -> str:
        """Where the token comes from. Targets with the same name share its rate limit."""
        if self.settings.input or self.settings.demo:
            return f"none: {self.name}"
        if self.token_variable is not None:
            return f"variable: {self.token_variable}"
        return f"file: {self.settings.token_file}" if self.settings.token_file else "environment"


class Started(NamedTuple):
    """A target that runs."""

    reading: Future[Any]
    """Done when it has read what it needs from its source, so that another one may; at the latest with `outcome`."""
    outcome: Future[Any]
