"""Command groups that import a command when it is used."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

import click


class Lazy(NamedTuple):
    """A command that is not imported yet."""

    name: str
    module: str
    attribute: str
    help: str
    """The first sentence of its help, so that a list of commands imports none."""


class LazyGroup(click.Group):
    """Imports a command's module when that command is called, or its own help is asked for."""

    def __init__(self, *arguments: Any, lazy: Iterable[Lazy] = (), **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.lazy = {each.name: each for each in lazy}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now if it was not."""
        target = self.lazy.get(cmd_name)
        if target is not None and cmd_name not in self.commands:
            self.commands[cmd_name] = getattr(import_module(target.module), target.attribute)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        width = formatter.width - 6 - max(map(len, self.list_commands(ctx)))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, self.lazy[name].help if name in self.lazy else self.commands[name].get_short_help_str(width))
                    for name in self.list_commands(ctx)
                ]
            )
