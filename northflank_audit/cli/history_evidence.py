"""The command `history evidence`: evidence of a period for auditors."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from northflank_audit import __version__
from northflank_audit.cli.history_commands import account_option, database, history_options
from northflank_audit.cli.history_stats import Expected
from northflank_audit.delivery import files
from northflank_audit.errors import StartError
from northflank_audit.formats.text import plural
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import MANIFEST, pack_files
from northflank_audit.printable import printable
from northflank_audit.printing import say


@click.command("evidence")
@history_options
@account_option
@click.option(
    "--from", "begin", type=click.DateTime(["%Y-%m-%d"]), required=True, metavar="DATE", help="First day, UTC."
)
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), required=True, metavar="DATE", help="Last day, UTC.")
@click.option("--framework", metavar="ID", help="Only this framework's controls.")
@click.option(
    "--expect",
    type=Expected(),
    default="every=24h",
    show_default=True,
    metavar="every=PERIOD",
    help="How often a run should take place; longer times without a complete run are gaps.",
)
@click.option("--output", metavar="DIR", required=True, help="Directory for the files.")
def evidence_command(
    history: str | None,
    accounts: Sequence[str],
    begin: dt.datetime,
    end: dt.datetime,
    framework: str | None,
    expect: dt.timedelta,
    output: str,
    *,
    as_json: bool,
    **_: Any,
) -> None:
    """Write the evidence of a period: a page, CSVs, OSCAL assessment results, and a manifest to sign.

    Both days are included, UTC.
    """
    if end < begin:
        raise click.UsageError("--to is before --from")
    with database(history).reading() as connection:
        pack = evidence(
            connection,
            begin.date(),
            end.date(),
            now=dt.datetime.now(dt.UTC),
            version=__version__,
            patterns=accounts,
            framework=framework,
            every=expect,
        )
    if not pack.runs:
        raise StartError(f"no run took place between {pack.begin} and {pack.end}: see history runs")
    if framework is not None and not pack.controls:
        raise StartError(f"--framework: no run of this period has controls of '{printable(framework)}'")
    made = pack_files(pack)
    with files.alone(output):
        files.write_all([(str(Path(output) / name), text) for name, text in made.items()])
    if as_json:
        say(made[MANIFEST].decode().rstrip())
    else:
        say(f"{plural(len(pack.runs), 'run')}, {plural(len(pack.gaps), 'gap')}: {Path(output) / 'index.html'}")
        say(f"sign it: cosign sign-blob {Path(output) / MANIFEST}")
