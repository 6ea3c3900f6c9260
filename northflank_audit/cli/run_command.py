"""The command `run`."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from northflank_audit import logs
from northflank_audit.cli.options import run_options
from northflank_audit.config.settings import settings_from
from northflank_audit.formats import FORMATS


@click.command("run")
@run_options(list(FORMATS))
@click.pass_context
def run_command(ctx: click.Context, /, **given: Any) -> None:
    """Run an audit (the default)."""
    from northflank_audit.audit import runner  # noqa: PLC0415 - --help does not pay for it
    from northflank_audit.audit.last_resort import last_resort  # noqa: PLC0415 - as above
    from northflank_audit.audit.tool import new_run_id  # noqa: PLC0415 - as above
    from northflank_audit.cli import summary  # noqa: PLC0415 - --help does not pay for it

    settings = settings_from(given, ctx.get_parameter_source)
    run_id = new_run_id()
    as_json = given["log_format"] == "json"
    logs.to_stderr(run_id, verbose=given["verbose"], quiet=given["quiet"], as_json=as_json)
    bar = sys.stderr is not None and sys.stderr.isatty() and not (given["no_progress"] or given["quiet"] or as_json)
    with last_resort(settings.timeout), _progress() if bar else _silence() as watch:
        report, written, receipts = runner.run(settings, watch, run_id)
    if not given["quiet"] or summary.worth_telling(report):
        to_stderr = any(path == "-" for _, path in settings.output)
        colour = False if given["no_color"] or os.environ.get("NO_COLOR") else None
        text = "\n".join(summary.lines(report, written, receipts, verbose=given["verbose"]))
        if not (given["rules"] or given["demo"] or given["input"]) and sys.stdout is not None and sys.stdout.isatty():
            text += f"\n{summary.MORE}"
        if to_stderr and as_json:
            logs.tell(click.unstyle(text), logging.WARNING if summary.worth_telling(report) else logging.INFO)
        else:
            logs.summarize(text, err=to_stderr, color=colour)
    ctx.exit(report.exit_code)


@contextmanager
def _silence() -> Iterator[Callable[[int], None]]:
    yield lambda _count: None


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    from rich import console, progress  # noqa: PLC0415 - on a terminal only

    evaluated = progress.TextColumn("{task.completed} resources evaluated")
    columns = (progress.SpinnerColumn(), evaluated, progress.TimeElapsedColumn())
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda count: bar.advance(task, count)
