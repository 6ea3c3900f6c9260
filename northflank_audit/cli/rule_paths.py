"""Which rule files the commands about rules read."""

from pathlib import Path

import click

from northflank_audit.cli.options import from_command_line
from northflank_audit.config.policy import is_test, unread
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.printable import printable
from northflank_audit.printing import say

PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...")


def lint_paths(paths: tuple[str, ...], rules: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files to read: those named here or, if none are rules, those of the config file."""
    named = [path for path in paths if not is_test(Path(path))]
    return paths if named and not from_command_line(click.get_current_context(), "rules") else (*paths, *rules)


def warn_of_unread(book: Rulebook) -> None:
    """Warn of folders with rule files that were not read."""
    for warning in unread(book):
        say(f"warning: {printable(warning)}", err=True)
