"""The options of `run`: everything that an audit can be told."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import click

from northflank_audit.cli.option_types import MailAddress, NameList, OutputPath, WebAddress
from northflank_audit.cli.options import (
    DEFAULTS,
    absent_option,
    add_all,
    details_option,
    option,
    output_dir_option,
    policy_options,
    request_options,
    source_options,
    waivers_option,
)
from northflank_audit.delivery.when import When
from northflank_audit.model import Severity


def delivery_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say who is told of a run."""
    return add_all(
        command,
        option(
            "--notify-file",
            metavar="FILE",
            help="File of Apprise URLs to notify, one per line.  [default: $NORTHFLANK_AUDIT_NOTIFY_URLS]",
        ),
        option(
            "--notify-when",
            type=click.Choice(get_args(When)),
            default=DEFAULTS["notify_when"],
            show_default=True,
            help="When to notify; an incomplete audit always notifies.",
        ),
        option("--metrics-file", metavar="FILE.prom", help="Write metrics for the Prometheus node exporter."),
        option("--metrics-push", metavar="URL", help="Push metrics to this Prometheus Pushgateway."),
        option(
            "--heartbeat",
            metavar="URL",
            help="Ping URL/start, then URL or URL/fail; or give the pattern: URL?s={start|success|fail}.",
        ),
    )


def run_options(formats: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options of `run`; `formats` are the reports that there are."""
    severities = [*(severity.value for severity in Severity), "never"]
    options = (
        source_options,
        policy_options,
        waivers_option,
        details_option,
        option(
            "--fail-on",
            type=click.Choice(severities),
            default=DEFAULTS["fail_on"].value,
            show_default=True,
            help="Lowest severity that makes the exit code 1.",
        ),
        option(
            "--on-unknown",
            type=click.Choice(["fail", "ignore"]),
            default=DEFAULTS["on_unknown"],
            show_default=True,
            help="Whether unknown verdicts make the audit incomplete.",
        ),
        absent_option,
        output_dir_option,
        option(
            "--format",
            type=NameList(formats),
            default="html,md,json",
            show_default=True,
            help="Reports to write in --output-dir; none: only those of --output.",
        ),
        option(
            "--output",
            type=OutputPath(formats),
            multiple=True,
            help="Write a report to a file; repeatable; - is standard output.",
        ),
        option(
            "--include",
            type=NameList(["pass", "notapplicable"]),
            default="",
            metavar="pass,notapplicable",
            help="Also list these results.",
        ),
        option(
            "--console-url",
            type=WebAddress(),
            metavar="URL",
            default=DEFAULTS["console_url"],
            show_default=True,
            help="Base URL of the console that reports link to.",
        ),
        option("--compare", metavar="FILE", help="An earlier report.json; marks findings as new or known."),
        option(
            "--email-to",
            type=MailAddress(),
            multiple=True,
            names=True,
            help="Mail the report to this address; repeatable.",
        ),
        option("--save-snapshot", metavar="FILE", help="Save what was fetched, without secrets, for --input."),
        delivery_options,
        request_options,
        option("--quiet", is_flag=True, help="Print only violations, warnings and errors."),
        option("--verbose", is_flag=True, help="Log every step on standard error."),
        option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Format of log messages: text or JSON lines.",
        ),
        option("--no-progress", is_flag=True, help="No progress bar."),
        option("--no-color", is_flag=True, help="No colour."),
    )

    return lambda command: add_all(command, *options)
