"""The command `fleet`."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

import click
from click.core import ParameterSource

from northflank_audit import logs
from northflank_audit.cli.fleet_merge import merge_command
from northflank_audit.cli.fleet_options import (
    DELIVERY,
    exposed_files,
    fleet_delivery,
    name_of,
    options_of_run,
    output_options,
    tell,
)
from northflank_audit.cli.fleet_paths import below
from northflank_audit.cli.fleet_plan import NOT_FLAGS, planned
from northflank_audit.cli.option_types import Option
from northflank_audit.fleet.dispatch import Workers
from northflank_audit.fleet.fleet_delivery import deliver_fleet, monitored
from northflank_audit.fleet.fleet_report import Target
from northflank_audit.fleet.fleet_run import run_fleet
from northflank_audit.fleet.local_workers import LocalWorkers
from northflank_audit.fleet.shards import Part

log = logging.getLogger(__name__)

JOBS: Final = 8
"""Targets that are read at once, by default."""
MOST_JOBS: Final = 256


class PartOfFleet(click.ParamType[Part]):
    """`I/N`."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Part:
        """Return the part, or fail."""
        if isinstance(value, Part):
            return value
        try:
            return Part.parsed(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _RunByDefault(click.Group):
    """Without the name of a command, `run` is meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("fleet", cls=_RunByDefault)
def fleet_group() -> None:
    """Audit many targets, each as `run` would, and sum them up.

    `fleet FILE` is short for `fleet run FILE`.
    """


@fleet_group.command("run")
@click.argument("file", metavar="FILE")
@click.option(
    "--jobs", type=click.IntRange(1, MOST_JOBS), default=JOBS, show_default=True, help="Targets read at once."
)
@click.option("--shard", type=PartOfFleet(), metavar="I/N", help="Run only part I, from 1 to N, of N.")
@click.option("--verbose", is_flag=True, help="Log every step on standard error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Format of log messages.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option(
    "--scheduler",
    cls=Option,
    metavar="URL",
    help="Run the targets on the Dask cluster of this scheduler: tls://HOST:PORT.",
)
@click.option("--scheduler-ca", cls=Option, metavar="FILE", help="Authority of the scheduler's certificate, as PEM.")
@click.option("--scheduler-cert", cls=Option, metavar="FILE", help="Certificate for the scheduler, as PEM.")
@click.option("--scheduler-key", cls=Option, metavar="FILE", help="Key of that certificate, as PEM.")
@output_options
@options_of_run(lambda name: name not in (*NOT_FLAGS, *DELIVERY))
@click.pass_context
def run_command(ctx: click.Context, /, file: str, **given: Any) -> None:
    """Audit every target of a fleet file."""
    flags = {name: value for name, value in given.items() if _is_given(ctx, name)}
    output_dir = below(".", given["output_dir"])
    with ExitStack() as stack:
        local = stack.enter_context(closing(LocalWorkers(given["jobs"]))) if given["scheduler"] is None else None
        plan = planned(file, flags, output_dir, given["shard"])
        logs.to_stderr(
            plan.run_id, verbose=given["verbose"], quiet=given["quiet"], as_json=given["log_format"] == "json"
        )
        for warning in exposed_files(given):
            log.warning("%s", warning)
        delivery = fleet_delivery(given, plan.document, name_of(file))
        ended = stack.enter_context(monitored(delivery))
        workers = _cluster(given, output_dir) if local is None else local.serving(plan.jobs)
        with _progress(len(plan.jobs)) if _has_bar(given) else _silence() as watch:
            report = run_fleet(plan.jobs, workers, plan.run_id, watch, plan.shard)
        report, written, receipts = deliver_fleet(report, delivery, given["output_dir"])
        ended(report)
    tell(given, report, written, receipts)
    ctx.exit(report.exit_code)


def _cluster(given: Mapping[str, Any], folder: str) -> Workers:
    from northflank_audit.fleet.cluster import ClusterWorkers, Encryption  # noqa: PLC0415 - for clusters alone

    encryption = Encryption(ca=given["scheduler_ca"], certificate=given["scheduler_cert"], key=given["scheduler_key"])
    return ClusterWorkers(given["scheduler"], folder, encryption)


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _has_bar(given: Mapping[str, Any]) -> bool:
    hidden = given["no_progress"] or given["quiet"] or given["log_format"] == "json"
    return sys.stderr is not None and sys.stderr.isatty() and not hidden


@contextmanager
def _silence() -> Iterator[Callable[[Target], None]]:
    yield lambda _: None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Target], None]]:
    from rich import console, progress  # noqa: PLC0415 - on a terminal only

    count = progress.TextColumn("{task.completed} of {task.total} targets")
    columns = (progress.SpinnerColumn(), count, progress.BarColumn(), progress.TimeElapsedColumn())
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda _: bar.advance(task)


fleet_group.add_command(merge_command)
