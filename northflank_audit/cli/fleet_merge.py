"""The command `fleet merge`."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from northflank_audit.audit.tool import new_run_id
from northflank_audit.cli.fleet_file import read_fleet_file
from northflank_audit.cli.fleet_options import fleet_delivery, name_of, output_options, tell
from northflank_audit.cli.option_types import Option
from northflank_audit.config import email_section
from northflank_audit.delivery import files
from northflank_audit.errors import DeliveryError, FileErrors, StartError
from northflank_audit.fleet.fleet_delivery import deliver_fleet, failed, monitored
from northflank_audit.fleet.fleet_reading import FILE, read_fleet_report
from northflank_audit.fleet.shards import merged
from northflank_audit.printable import spelt
from northflank_audit.reading import is_file, is_folder


@click.command("merge")
@click.argument("parts", metavar="DIR...", nargs=-1, required=True)
@click.option(
    "--email-by", cls=Option, metavar="FILE", help="Mail the report as the section 'email' of this fleet file says."
)
@output_options
@click.pass_context
def merge_command(ctx: click.Context, /, parts: Sequence[str], email_by: str | None, **given: Any) -> None:
    """Join the reports of all parts of a fleet (--shard), each in its folder, into one.

    The folders of the targets are copied. Parts that overlap or are missing are an error (exit code 2).
    """
    folder = given["output_dir"]
    if os.path.realpath(folder) in map(os.path.realpath, parts):
        raise click.UsageError("--output-dir: expects another folder than those of the parts")
    document = None if email_by is None else read_fleet_file(email_by)
    if document is not None and (mistakes := email_section.diagnostics(document)):
        raise FileErrors(mistakes)
    reports = [(spelt(part), read_fleet_report(str(Path(part, FILE)))) for part in parts]
    report = merged(reports, new_run_id())
    found = [
        (part, target.name, list(_reports(part, target.name, target.reports.values())))
        for part, (_, part_report) in zip(parts, reports, strict=True)
        for target in part_report.targets
    ]
    _check_folders(folder, [name for _, name, _ in found])
    settings = fleet_delivery(given, document, "fleet" if email_by is None else name_of(email_by))
    with monitored(settings) as ended:
        for _, name, paths in found:
            try:
                _copy(paths, Path(folder, name))
            except DeliveryError as error:  # the others' reports and the fleet's are still there to be written
                report = failed(report, error)
        report, written, receipts = deliver_fleet(report, settings, folder)
        ended(report)
    tell(given, report, written, receipts)
    ctx.exit(report.exit_code)


def _reports(part: str, name: str, expected: Iterable[str]) -> Iterator[Path]:
    """Yield the files in a target's folder. Raises StartError if a report is missing.

    A link is not followed: a part may come from somewhere else, and would bring what is here along.
    """
    missing = [path for path in expected if not _is_file(Path(part, path))]
    if missing:
        raise StartError(f"{spelt(str(Path(part, missing[0])))} is missing: merge whole folders of parts")
    place = Path(part, name)
    if is_folder(place) and not place.is_symlink():
        yield from sorted(filter(_is_file, place.iterdir()))


def _check_folders(folder: str, names: Iterable[str]) -> None:
    """Raise StartError if two targets have the same folder, by links or because a file system ignores case."""
    taken: dict[str, str] = {}
    for name in names:
        other = taken.setdefault(os.path.realpath(Path(folder, name)).casefold(), name)
        if other != name:
            raise StartError(f"'{name}' and '{other}' have the same folder in {spelt(folder)}")


def _is_file(path: Path) -> bool:
    return is_file(path) and not path.is_symlink() and not path.parent.is_symlink()


def _copy(paths: Sequence[Path], folder: Path) -> None:
    """Copy files into a target's folder. Raises DeliveryError."""
    if not paths:
        return
    try:
        with files.alone(str(folder)):
            files.write_all([(str(folder / path.name), path.read_bytes()) for path in paths])
    except (DeliveryError, OSError) as error:
        raise DeliveryError(f"{spelt(str(folder))}: the reports could not be copied ({error})") from None
