"""The options of the fleet commands that concern the fleet's own report."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from northflank_audit import logs
from northflank_audit.cli.bare_run import bare_run
from northflank_audit.cli.option_types import Option, add_options
from northflank_audit.config import email_section
from northflank_audit.config.given_addresses import checked_delivery
from northflank_audit.config.secret_files import exposed
from northflank_audit.config.settings import DEFAULTS, DELIVERY_OPTIONS
from northflank_audit.delivery import notify
from northflank_audit.documents.yaml_document import Document
from northflank_audit.fleet.fleet_delivery import FleetDelivery
from northflank_audit.fleet.fleet_lines import lines
from northflank_audit.fleet.fleet_report import FleetReport
from northflank_audit.reading import read_text

DELIVERY: Final = (*DELIVERY_OPTIONS, "notify_when")
"""The options of `run` that concern the fleet's own report, by their names in Python."""


def options_of_run(names: Callable[[str], bool]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options of `run` with these names in Python; no variable sets them.

    Like those of `bare_run`, they are in reverse order, in which decorators add them.
    """

    def add(command: Any) -> Any:
        chosen = [param for param in bare_run().params if names(str(param.name))]
        command.__click_params__ = [*getattr(command, "__click_params__", []), *chosen]
        return command

    return add


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the fleet's report goes, and what the terminal shows."""
    return add_options(
        command,
        click.option(
            "--output-dir",
            cls=Option,
            metavar="DIR",
            default=DEFAULTS["output_dir"],
            show_default=True,
            help="Directory for the fleet's report, and a folder for each target's.",
        ),
        options_of_run(DELIVERY.__contains__),
        click.option("--quiet", is_flag=True, help="Print only what is not green."),
        click.option("--no-color", is_flag=True, help="No colour."),
    )


def fleet_delivery(given: Mapping[str, Any], document: Document | None, name: str) -> FleetDelivery:
    """Return who gets the fleet's report. Raises StartError or click.UsageError for what could not work."""
    values = {key: given[key] for key in DELIVERY if given[key] is not None} | {"output_dir": given["output_dir"]}
    urls = checked_delivery(values)
    file = given["notify_file"]
    return FleetDelivery(
        name=name,
        email=email_section.email(document, given["email_to"] or (), os.environ),
        services=() if file is None else tuple(notify.services(notify.urls_of(read_text(file), file))),
        notify_when=given["notify_when"],
        metrics_file=given["metrics_file"],
        metrics_push=urls.get("metrics_push"),
        heartbeat=urls.get("heartbeat"),
    )


def exposed_files(given: Mapping[str, Any]) -> list[str]:
    """Return warnings about secret files that every user can read."""
    return exposed({"--notify-file": given["notify_file"]})


def tell(given: Mapping[str, Any], report: FleetReport, written: Sequence[str], receipts: Sequence[str]) -> None:
    """Print the summary, unless all is green and it shall be quiet."""
    if report.exit_code or not given["quiet"]:
        colour = False if given["no_color"] or os.environ.get("NO_COLOR") else None
        logs.summarize("\n".join(lines(report, written, receipts)), color=colour)


def name_of(file: str) -> str:
    """Return a fleet's name in metrics: its file's without the ending."""
    return Path(file).stem
