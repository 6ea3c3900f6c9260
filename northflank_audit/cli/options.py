"""The options that commands share, for click.

A flag beats the environment, which beats the config file, which beats the default. This is click's own order, with
the config file as its `default_map`.
"""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import click
from click.core import ParameterSource

from northflank_audit.cli.bound_options import absent_option, details_option, personal_data_option, request_options
from northflank_audit.cli.config_file import DEFAULT_CONFIG, ConfigOption, read_config
from northflank_audit.cli.option_types import (
    MailAddress,
    NameList,
    OutputPath,
    Period,
    SeverityAge,
    TypeName,
    WebAddress,
    add_options,
    option,
)
from northflank_audit.cli.remark_options import annotations_option, waiver_options
from northflank_audit.config.settings import DEFAULT_URL, DEFAULTS, URL_VARIABLES
from northflank_audit.delivery.when import When
from northflank_audit.formats import BY_DEFAULT, CsvDialect
from northflank_audit.model import Severity


def from_command_line(ctx: click.Context, name: str) -> bool:
    """Return whether an option was given on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the config file."""
    return add_options(
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
    return add_options(
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


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select rules by what they are about."""
    return add_options(
        command,
        option(
            "--control",
            metavar="FRAMEWORK[:ID]",
            multiple=True,
            names=True,
            help="Run only rules for this framework or control; repeatable.",
        ),
        option(
            "--min-severity",
            type=click.Choice([severity.value for severity in Severity]),
            help="Run only rules of this severity or above.",
        ),
        option(
            "--type",
            type=TypeName(),
            metavar="TYPE",
            multiple=True,
            names=True,
            help="Run only rules about this resource type; repeatable.",
        ),
        option(
            "--skip-type",
            type=TypeName(),
            metavar="TYPE",
            multiple=True,
            names=True,
            help="Run no rule about this resource type, or that reads its list; repeatable.",
        ),
        option(
            "--project",
            metavar="ID",
            multiple=True,
            names=True,
            help="Audit only resources in this project; repeatable.",
        ),
    )


def output_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says where reports are."""
    return add_options(
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
    return add_options(
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


def delivery_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say who is notified of a run."""
    return add_options(
        command,
        option(
            "--notify-file",
            metavar="FILE",
            help="File of Apprise URLs to notify, one per line; run also reads $NORTHFLANK_AUDIT_NOTIFY_URLS.",
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
    """Return a decorator that adds the options of `run`; `formats` are the available formats."""
    severities = [*(severity.value for severity in Severity), "never"]
    options = (
        source_options,
        policy_options,
        selection_options,
        waiver_options,
        annotations_option,
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
        option(
            "--fail-on-new", is_flag=True, help="With --compare or --history: do not count violations that are ongoing."
        ),
        option(
            "--new-for",
            type=Period(),
            default="24h",
            show_default=True,
            metavar="PERIOD",
            help="With --history and --fail-on-new: how long a violation counts as new after it was found.",
        ),
        option(
            "--max-age",
            type=SeverityAge(),
            multiple=True,
            metavar="LEVEL=DAYSd",
            help="With --history: count ongoing violations of this severity that are older; repeatable.",
        ),
        absent_option,
        output_dir_option,
        option(
            "--format",
            type=NameList(formats),
            default=",".join(BY_DEFAULT),
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
            "--csv-dialect",
            type=click.Choice(get_args(CsvDialect)),
            default=DEFAULTS["csv_dialect"],
            show_default=True,
            help="CSV for programs, or for Excel with a comma or a semicolon as the region's list separator.",
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
        personal_data_option,
        option("--framework", metavar="ID", help="Show only this framework's controls in reports; all rules run."),
        option("--compare", metavar="FILE", help="An earlier report.json; marks findings as new or known."),
        option("--history", metavar="URL", help="Keep the run in this database: a path, or postgresql://…"),
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

    return lambda command: add_options(command, *options)
