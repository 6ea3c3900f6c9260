"""The command `history site`: static pages about the history."""

import datetime as dt
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from northflank_audit.cli.history_commands import account_option, database, history_options
from northflank_audit.cli.history_stats import Expected
from northflank_audit.delivery import files
from northflank_audit.formats.text import plural
from northflank_audit.history.site import INDEX, is_page, read_site, site_files
from northflank_audit.printing import say


@click.command("site")
@history_options
@account_option
@click.option("--expect", type=Expected(), metavar="every=PERIOD", help="How often a run should take place: every=24h.")
@click.option("--output", metavar="DIR", required=True, help="Directory for the pages.")
def site_command(
    history: str | None,
    accounts: Sequence[str],
    expect: dt.timedelta | None,
    output: str,
    *,
    as_json: bool,
    **_: Any,
) -> None:
    """Write static pages: accounts, trends, rules, resources, and the life of each finding. They need no server."""
    with database(history).reading() as connection:
        site = read_site(connection, dt.datetime.now(dt.UTC), accounts, expect)
    made = dict(site_files(site))
    with files.alone(output):
        files.write_all([(str(Path(output) / name), text) for name, text in made.items()])
        _delete_old_pages(Path(output), made)
    if as_json:
        say(f'{{"pages": {len(made)}, "accounts": {len(site.accounts)}}}')
    else:
        say(f"{plural(len(made), 'page')} of {plural(len(site.accounts), 'account')}: {Path(output) / INDEX}")


def _delete_old_pages(folder: Path, made: Collection[str]) -> None:
    """Delete the pages of an earlier site about what the history no longer has; other files stay."""
    for path in folder.iterdir():
        if is_page(path.name) and path.name not in made:
            with suppress(OSError):
                path.unlink()
