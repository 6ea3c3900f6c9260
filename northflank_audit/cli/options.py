"""The options, as click knows them, and the config file that gives them other defaults.

A flag beats the environment, which beats the config file, which beats the default: click's own order, with the
config file as its `default_map`.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import click
from click.core import ParameterSource

from northflank_audit.cli.config_file import DEFAULT_CONFIG, ConfigOption, read_config
from northflank_audit.cli.option_types import (
    Option,
    Seconds,
    WholeNumber,
)
from northflank_audit.config.settings import DEFAULT_URL, URL_VARIABLES, Settings
from northflank_audit.reading import bound

DEFAULTS: Final[dict[str, Any]] = {each.name: each.default for each in fields(Settings)}
LONGEST: Final = 7 * 86_400
"""Seconds that a run may take at most: a week."""


def _bound(ctx: click.Context, _param: click.Parameter, value: float) -> float:
    """Bound the reading of files by the run's time, wherever that is set."""
    bound(ctx, value)
    return value


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """Return a decorator that adds an option, which an environment variable of its name also sets."""
    variable = "NORTHFLANK_AUDIT_" + names[0].lstrip("-").replace("-", "_").upper()
    attributes["envvar"] = [variable, *attributes.pop("variables", ())]
    return click.option(*names, **{"cls": Option, **attributes})


def from_command_line(ctx: click.Context, name: str) -> bool:
    """Tell whether an option was given on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def add_all(
    command: Callable[..., Any], *options: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Callable[..., Any]:
    """Add options to a command, the first one first."""
    for option in reversed(options):
        command = option(command)
    return command


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the config file."""
    return add_all(
        command,
        option(
            "--config",
            cls=ConfigOption,
            metavar="FILE",
            is_eager=True,
            callback=read_config,
            help=f"Options and overrides in YAML.  [default: {DEFAULT_CONFIG}, where it exists]",
        ),
    )


def policy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select rules."""
    return add_all(
        command,
        config_option,
        option(
            "--rules",
            metavar="PATH",
            multiple=True,
            help="Rule file, folder or pack:NAME; repeatable.  [default: the bundled rules]",
        ),
        option("--rule", metavar="ID", multiple=True, names=True, help="Run this rule only; repeatable."),
        option("--skip-rule", metavar="ID", multiple=True, names=True, help="Skip this rule; repeatable."),
    )


def waivers_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the waivers."""
    decorated: Callable[..., Any] = option("--waivers", metavar="FILE", help="Accepted violations, in YAML.")(command)
    return decorated


def output_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says where reports are."""
    return add_all(
        command,
        option(
            "--output-dir",
            metavar="DIR",
            default=DEFAULTS["output_dir"],
            show_default=True,
            help="Directory for the reports.",
        ),
    )


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the resources come from."""
    return add_all(
        command,
        option("--demo", is_flag=True, is_eager=True, help="Audit the sample account of the embedded emulator."),
        option(
            "--api-url",
            metavar="URL",
            variables=URL_VARIABLES,
            default=DEFAULT_URL,
            show_default=True,
            help="Base URL of the API.",
        ),
        option(
            "--token-file",
            metavar="FILE",
            help="Read the token from a file.  [default: $NORTHFLANK_API_TOKEN, $NF_API_TOKEN]",
        ),
        option(
            "--team",
            metavar="ID",
            multiple=True,
            names=True,
            help="Audit this team; repeatable.  [default: the token's own account]",
        ),
        option("--all-teams", is_flag=True, help="Audit every team of the token's organisation."),
        option(
            "--input",
            metavar="FILE",
            multiple=True,
            help="Audit saved JSON instead of the API; repeatable; - reads standard input; TYPE[@PROJECT]=FILE is a "
            "saved list of that type.",
        ),
    )


def details_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says whether details are read."""
    return add_all(
        command,
        option(
            "--details",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            help="Fetch details, one request per resource; auto: only where a rule needs them.",
        ),
    )


def absent_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says what a field means that the API omits."""
    return add_all(
        command,
        option(
            "--absent",
            type=click.Choice(["unknown", "notapplicable", "violating"]),
            default=DEFAULTS["absent"],
            show_default=True,
            help="Verdict where the API omits a documented field; a rule's own parameter absent overrides it.",
        ),
    )


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that bound what is asked of the API."""
    return add_all(
        command,
        option(
            "--page-size",
            type=WholeNumber(1, 100),
            default=100,
            show_default=True,
            help="Results per page.",
        ),
        option(
            "--max-attempts",
            type=WholeNumber(1, 100),
            default=5,
            show_default=True,
            help="Maximum attempts per request.",
        ),
        option(
            "--timeout",
            type=Seconds(LONGEST),
            callback=_bound,
            default=300,
            show_default=True,
            metavar="SECONDS",
            help="Time limit of the whole run, in seconds, waits included.",
        ),
        option(
            "--max-requests",
            type=WholeNumber(1, 1_000_000),
            help="Most requests of a run; what they do not cover is unknown.",
        ),
        option(
            "--reserve",
            type=WholeNumber(0, 1_000_000),
            default=0,
            show_default=True,
            help="Requests of the account's hourly limit to leave to others.",
        ),
    )
