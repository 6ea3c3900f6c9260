"""The command `history stats`: figures over time, and missing runs."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
import msgspec

from northflank_audit.cli.history_commands import account_option, database, history_options
from northflank_audit.cli.option_types import Period
from northflank_audit.errors import AuditError
from northflank_audit.formats.text import plural
from northflank_audit.history.statistics import AccountStatistics, statistics
from northflank_audit.model import Severity
from northflank_audit.periods import period, rough, spelt_period
from northflank_audit.printing import say

LINES: Final = 30
"""Runs that are listed for each account."""


class Expected(click.ParamType[dt.timedelta]):
    """How often a run is expected: `every=24h`."""

    name = "every=PERIOD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.timedelta:
        """Return the period, or fail."""
        if isinstance(value, dt.timedelta):
            return value
        word, _, rest = str(value).partition("=")
        if word != "every":
            self.fail("write every=PERIOD: every=24h", param, ctx)
        try:
            return period(rest)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("stats")
@history_options
@account_option
@click.option("--expect", type=Expected(), metavar="every=PERIOD", help="How often a run should take place: every=24h.")
@click.option("--grace", type=Period(), metavar="PERIOD", help="How late a run may be.  [default: a quarter of that]")
@click.pass_context
def stats_command(
    ctx: click.Context,
    /,
    history: str | None,
    accounts: Sequence[str],
    expect: dt.timedelta | None,
    grace: dt.timedelta | None,
    *,
    as_json: bool,
    **_: Any,
) -> None:
    """Show open violations over time, how long fixing takes, and runs that are missing.

    With --expect, the exit code is 1 where a run is missing.
    """
    if grace is not None and expect is None:
        raise click.UsageError("--grace needs --expect")
    now = dt.datetime.now(dt.UTC)
    with database(history).reading() as connection:
        found = statistics(connection, now, accounts, every=expect, grace=grace)
    if expect is not None and not found:
        raise AuditError("no run has taken place yet")
    if as_json:
        say(msgspec.json.format(msgspec.json.encode({"accounts": found}), indent=2).decode())
    else:
        for each in found:
            say("\n".join(_lines(each, now, expect)))
        if not found:
            say("no runs yet")
    ctx.exit(1 if any(each.missed for each in found) else 0)


def _lines(found: AccountStatistics, now: dt.datetime, expect: dt.timedelta | None) -> Iterator[str]:
    yield click.style(found.account.label, bold=True)
    last, complete = _ago(found.last, now), _ago(found.last_complete, now)
    yield f"  {plural(found.runs, 'run')}; the last {last}, the last complete one {complete}"
    for severity in reversed(Severity):
        fixed, oldest = found.remediation[severity], found.oldest_open[severity]
        parts = []
        if found.trend:
            parts.append(f"{found.trend[-1].open[severity]} open")
        if oldest is not None:
            parts.append(f"the oldest for {rough(now - oldest)}")
        if fixed.mean_seconds is not None:
            parts.append(
                f"{fixed.resolved} resolved after {rough(dt.timedelta(seconds=fixed.mean_seconds))} on average"
            )
        yield f"  {severity:8}  {', '.join(parts)}"
    for point in found.trend[-LINES:]:
        counts = "  ".join(f"{point.open[each]:4} {each}" for each in reversed(Severity))
        yield f"  {point.at:%Y-%m-%d %H:%M}  {counts}{'' if point.complete else '  INCOMPLETE'}"
    for gap in found.missed:
        until = f"{gap.until:%Y-%m-%d %H:%M} UTC" if gap.over else "now"
        yield f"  missing: {plural(gap.expected, 'run')} between {gap.after:%Y-%m-%d %H:%M} UTC and {until}"
    if expect is not None and not found.missed:
        yield f"  no run is missing (every {spelt_period(expect)})"


def _ago(time: dt.datetime | None, now: dt.datetime) -> str:
    return "never" if time is None else f"{rough(now - time)} ago"
