"""Prints; the only way to a terminal or a log."""

import click

from northflank_audit.errors import AuditError
from northflank_audit.printable import printable_lines


class NotPrinted(AuditError):
    """Standard output, or standard error, takes no text."""


class ReaderGone(NotPrinted):
    """The reader closed the pipe: it had enough, and needs no message."""


def say(text: str, *, err: bool = False, color: bool | None = None, json: bool = False, commands: bool = False) -> None:
    """Print text that may contain outside text, on standard output or standard error.

    `json` and `commands` are those of `printable_lines`. Raises NotPrinted if that fails.
    """
    try:
        click.echo(printable_lines(text, json=json, commands=commands), err=err, color=color)  # noqa: TID251 - here alone
    except OSError as error:
        kind = ReaderGone if isinstance(error, BrokenPipeError) else NotPrinted
        raise kind(f"standard {'error' if err else 'output'} could not be written ({error.strerror})") from None
