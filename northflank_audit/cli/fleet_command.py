"""The command `fleet`."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from click.core import ParameterSource
from msgspec import UNSET

from northflank_audit import logs
from northflank_audit.audit.policy_reading import RuleReader
from northflank_audit.audit.tool import new_run_id
from northflank_audit.cli.fleet_file import OF_THE_FLEET, FleetTarget, TargetReader, read_fleet_file
from northflank_audit.cli.fleet_paths import below
from northflank_audit.cli.options import output_dir_option, run_options
from northflank_audit.config.policy import read_rules
from northflank_audit.config.settings import DELIVERY_OPTIONS, URL_VARIABLES
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileError, FileErrors, StartError, in_order
from northflank_audit.fleet.dispatch import Workers
from northflank_audit.fleet.fleet_report import FleetReport, Shard, Target, digest_of
from northflank_audit.fleet.fleet_run import run_fleet
from northflank_audit.fleet.job import Job
from northflank_audit.fleet.local_workers import LocalWorkers
from northflank_audit.fleet.shards import Part
from northflank_audit.formats import FORMATS

JOBS: Final = 8
"""Targets at once, by default."""
MOST_JOBS: Final = 256
_PER_TARGET: Final = ("output", "save_snapshot", "compare")
"""The options of `run` that only a target can have."""


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
    """Audit many targets, each as `run` would, and sum them up: fleet FILE."""


def _target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `run` that apply to every target; no variable sets them."""
    run = _run()
    for param in reversed(run.params):
        if isinstance(param, click.Option) and param.name not in (*OF_THE_FLEET, *_PER_TARGET):
            command = _with(command, param)
    return command


def _with(command: Any, param: click.Option) -> Any:
    command.__click_params__ = [*getattr(command, "__click_params__", []), param]
    return command


def _run() -> click.Command:
    """Return the command `run`, without a config file, and of the environment only the API's address."""
    command = click.Command("target")
    run_options(list(FORMATS))(command)
    command.params = [param for param in command.params if param.name != "config"]
    for param in command.params:
        param.envvar = list(URL_VARIABLES) if param.name == "api_url" else None
    return command


@fleet_group.command("run")
@click.argument("file", metavar="FILE")
@click.option("--jobs", type=click.IntRange(1, MOST_JOBS), default=JOBS, show_default=True, help="Targets at once.")
@click.option("--shard", type=PartOfFleet(), metavar="I/N", help="Run only part I, from 1 to N, of N.")
@click.option("--quiet", is_flag=True, help="Print only what is not green.")
@click.option("--verbose", is_flag=True, help="Log every step on standard error.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Format of log messages.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@click.option(
    "--scheduler", metavar="URL", help="Run the targets on the Dask cluster of this scheduler: tls://HOST:PORT."
)
@click.option("--scheduler-ca", metavar="FILE", help="Authority of the scheduler's certificate, as PEM.")
@click.option("--scheduler-cert", metavar="FILE", help="Certificate for the scheduler, as PEM.")
@click.option("--scheduler-key", metavar="FILE", help="Key of that certificate, as PEM.")
@output_dir_option
@_target_options
@click.pass_context
def run_command(ctx: click.Context, /, file: str, **given: Any) -> None:
    """Audit every target of a fleet file."""
    document = read_fleet_file(file)
    flags = {name: value for name, value in given.items() if _is_given(ctx, name)}
    folder = below(".", os.path.dirname(file))  # noqa: PTH120 - the folder of "fleet.yaml" is ""
    output_dir = below(".", given["output_dir"])
    everyone = TargetReader(document, _run(), _of_targets(flags), folder, output_dir).read()
    part: Part | None = given["shard"]
    targets = [each for each in everyone if part is None or part.has(each.name)]
    _check_rules(document, targets)
    run_id = new_run_id()
    logs.to_stderr(run_id, verbose=given["verbose"], quiet=given["quiet"], as_json=given["log_format"] == "json")
    jobs = [_job(each, run_id, (folder, output_dir)) for each in targets]
    shard: Any = UNSET
    if part is not None:
        shard = Shard(part=part.number, of=part.of, names=digest_of(each.name for each in everyone))
    workers = _workers(given, len(jobs), output_dir)
    with _progress(len(jobs)) if _has_bar(given) else _silence() as watch:
        report = run_fleet(jobs, workers, run_id, watch, shard)
    _deliver(report, output_dir)
    ctx.exit(report.exit_code)


def _workers(given: Mapping[str, Any], targets: int, folder: str) -> Workers:
    if given["scheduler"] is None:
        return LocalWorkers(given["jobs"], targets)
    from northflank_audit.fleet.cluster import ClusterWorkers, Encryption  # noqa: PLC0415 - for clusters alone

    encryption = Encryption(ca=given["scheduler_ca"], certificate=given["scheduler_cert"], key=given["scheduler_key"])
    return ClusterWorkers(given["scheduler"], folder, encryption)


def _deliver(report: FleetReport, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / "fleet.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _of_targets(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that apply to every target."""
    own = {param.name for param in _run().params} - {*OF_THE_FLEET, *_PER_TARGET, *DELIVERY_OPTIONS, "notify_when"}
    return {name: value for name, value in flags.items() if name in own}


def _job(target: FleetTarget, run_id: str, folders: tuple[str, ...]) -> Job:
    return Job(
        name=target.name,
        settings=target.settings,
        token_variable=target.token_variable,
        fleet=run_id,
        folders=folders,
    )


def _check_rules(document: Document, targets: Sequence[FleetTarget]) -> None:
    """Raise FileErrors for overrides and names of rules that do not exist: they are mistakes in the fleet file.

    Mistakes in other files concern only the targets that name them.
    """
    reader, mistakes = RuleReader(), list[FileError]()
    places = {each["name"]: ("targets", index) for index, each in enumerate(document.value["targets"])}
    for target in targets:
        try:
            reader.read(target.settings)
        except FileErrors as error:
            mistakes += [each for each in error.errors if each.path == document.path]
        except StartError as error:
            if _can_be_read(target):
                mistakes.append(document.error(places[target.name], str(error)))
    if mistakes:
        raise FileErrors(in_order(mistakes))


def _can_be_read(target: FleetTarget) -> bool:
    try:
        return not read_rules(target.settings.rules).diagnostics
    except StartError:
        return False


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
