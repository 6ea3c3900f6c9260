"""The options that name the files of waivers and annotations."""

from collections.abc import Callable
from typing import Any

from northflank_audit.cli.option_types import WholeNumber, add_options, option
from northflank_audit.config.settings import MAX_WAIVER_DAYS


def waivers_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the waivers."""
    return add_options(command, option("--waivers", metavar="FILE", help="YAML file of accepted violations."))


def waiver_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the waivers, and say how long one may last."""
    return add_options(
        command,
        waivers_option,
        option(
            "--max-waiver-days",
            type=WholeNumber(1, 36_500),
            metavar="N",
            default=MAX_WAIVER_DAYS,
            show_default=True,
            help="Maximum days that a waiver may still last.",
        ),
    )


def annotations_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the annotations."""
    return add_options(
        command,
        option("--annotations", metavar="FILE", help="YAML file of who fixes a finding by when; changes no verdict."),
    )
