"""The options of `run` for callers that have no command line."""

import click

from northflank_audit.cli.options import run_options
from northflank_audit.config.settings import URL_VARIABLES
from northflank_audit.formats import FORMATS


def bare_run() -> click.Command:
    """Return a command with the options of `run`: no config file, and of the environment only the API's address."""
    command = click.Command("audit")
    run_options(list(FORMATS))(command)
    command.params = [param for param in command.params if param.name != "config"]
    for param in command.params:
        param.envvar = list(URL_VARIABLES) if param.name == "api_url" else None
    return command
