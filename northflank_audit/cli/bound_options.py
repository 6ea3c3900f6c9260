"""Options that limit requests and time."""

from collections.abc import Callable
from typing import Any, Final

import click

from northflank_audit.cli.option_types import Seconds, WholeNumber, add_options, option
from northflank_audit.config.settings import DEFAULTS
from northflank_audit.reading import bound

LONGEST: Final = 7 * 86_400
"""Seconds that a run may take at most: a week."""


def _bound(ctx: click.Context, _param: click.Parameter, value: float) -> float:
    """Limit the reading of files to the run's time, wherever that is set."""
    bound(ctx, value)
    return value


def details_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says whether details are read."""
    return add_options(
        command,
        option(
            "--details",
            type=click.Choice(["auto", "always", "never"]),
            default=DEFAULTS["details"],
            show_default=True,
            help="Fetch details, one request per resource; auto: only where a rule needs them.",
        ),
    )


def absent_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says what it means if the API omits a field."""
    return add_options(
        command,
        option(
            "--absent",
            type=click.Choice(["unknown", "notapplicable", "violating"]),
            default=DEFAULTS["absent"],
            show_default=True,
            help="Verdict where the API omits a documented field; a rule's own parameter absent overrides it.",
        ),
    )


def personal_data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says whether personal data is shown."""
    return add_options(
        command,
        option(
            "--show-personal-data",
            is_flag=True,
            help="Show e-mail addresses and names of members; otherwise they are masked.",
        ),
    )


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that limit requests and time."""
    return add_options(
        command,
        option(
            "--page-size",
            type=WholeNumber(1, 100),
            default=DEFAULTS["page_size"],
            show_default=True,
            help="Results per page.",
        ),
        option(
            "--max-attempts",
            type=WholeNumber(1, 100),
            default=DEFAULTS["max_attempts"],
            show_default=True,
            help="Maximum attempts per request.",
        ),
        option(
            "--timeout",
            type=Seconds(LONGEST),
            callback=_bound,
            default=DEFAULTS["timeout"],
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
            default=DEFAULTS["reserve"],
            show_default=True,
            help="Requests of the account's hourly limit to leave to others.",
        ),
    )
