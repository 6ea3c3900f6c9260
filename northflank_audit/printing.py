"""Prints; the only way to a terminal or a log."""

import click

from northflank_audit.printable import printable_lines


def say(text: str, *, err: bool = False, color: bool | None = None, json: bool = False, commands: bool = False) -> None:
    """Print text that may contain outside text, on standard output or standard error.

    `json` and `commands` are those of `printable_lines`. Raises OSError if that fails.
    """
    click.echo(printable_lines(text, json=json, commands=commands), err=err, color=color)  # noqa: TID251 - here alone
