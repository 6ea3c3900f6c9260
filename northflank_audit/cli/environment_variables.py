"""Finds misspelt `NORTHFLANK_AUDIT_…` environment variables."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from northflank_audit.config.settings import NOTIFY_VARIABLE
from northflank_audit.errors import StartError, did_you_mean
from northflank_audit.printable import printable

PREFIX: Final = "NORTHFLANK_AUDIT_"
_OF_KUBERNETES: Final = re.compile(r".+(?:_SERVICE_HOST|_SERVICE_PORT(?:_.*)?|_PORT(?:_.*)?)")
"""What Kubernetes sets in each pod for a Service whose name begins with `northflank-audit`.

Source: Kubernetes' documentation, "Accessing the Service", "Environment variables".
"""


def refuse_unknown(ctx: click.Context, config: Any, environment: Mapping[str, str]) -> None:
    """Raise StartError for a variable that starts like an option's and is not one.

    `config` is the config file's value: it may name variables of any name.
    """
    variables = {*_of_options(ctx.find_root()), NOTIFY_VARIABLE}
    named = _password_variable(config)
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in variables or name == named or not environment[name].strip():
            continue
        if not _OF_KUBERNETES.fullmatch(name):
            near = did_you_mean(name.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in variables))
            near = near.replace("'", f"'{PREFIX}", 1)
            raise StartError(f"the environment variable {printable(name)} is not an option{near}; see --help")


def _of_options(ctx: click.Context) -> Iterator[str]:
    """Yield the variables of the options of `run`, which include those of the other commands."""
    command = ctx.command
    run = command.get_command(ctx, "run") if isinstance(command, click.Group) else command
    for param in run.params if run is not None else ():
        if isinstance(param.envvar, list | tuple):
            yield from param.envvar


def _password_variable(config: Any) -> Any:
    value = config
    for key in ("email", "smtp", "password-env"):
        value = value.get(key) if isinstance(value, dict) else None
    return value
