"""The commands `history …` about past runs."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

from northflank_audit.cli.lazy import Lazy, LazyGroup
from northflank_audit.cli.option_types import Period, add_options, option
from northflank_audit.cli.options import config_option
from northflank_audit.errors import StartError
from northflank_audit.formats.text import plural
from northflank_audit.history.database import Database
from northflank_audit.history.export import exported
from northflank_audit.history.lives import Life, find_lives, lives
from northflank_audit.history.retention import deleted_findings, prune
from northflank_audit.history.runs import RunRow, account_ids, find_run, runs
from northflank_audit.model import Result, Severity
from northflank_audit.periods import rough, spelt_period
from northflank_audit.printing import say
from northflank_audit.resolution import RESOLVED

_RESOLVED = {each.value for each in RESOLVED}


def history_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command about the history takes."""
    return add_options(
        command,
        config_option,
        option("--history", metavar="URL", help="The database: a path, sqlite:///PATH or postgresql://…"),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )


def account_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that limits a command to some accounts."""
    return add_options(
        command,
        click.option(
            "--account",
            "accounts",
            metavar="NAME",
            multiple=True,
            help="This account only, as `history runs` names it; wildcards allowed; repeatable.",
        ),
    )


def database(history: str | None) -> Database:
    """Return the database that was named. Raises click.UsageError for none."""
    if history is None:
        raise click.UsageError("name the history: --history FILE, or NORTHFLANK_AUDIT_HISTORY")
    return Database.of(history)


_HERE = __package__
LAZY = (
    Lazy("site", f"{_HERE}.history_site", "site_command", "Write the history as static pages."),
    Lazy("evidence", f"{_HERE}.history_evidence", "evidence_command", "Write the evidence of a period."),
    Lazy(
        "stats", f"{_HERE}.history_stats", "stats_command", "Show open violations over time, and runs that are missing."
    ),
)


@click.group("history", cls=LazyGroup, lazy=LAZY)
def history_group() -> None:
    """Show runs, what changed, and how long findings were open, from the database of --history."""


@history_group.command("runs")
@history_options
@account_option
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The last N runs only.")
def runs_command(history: str | None, accounts: Sequence[str], limit: int | None, *, as_json: bool, **_: Any) -> None:
    """List the runs, the oldest first."""
    with database(history).reading() as connection:
        account_ids(connection, accounts)
        found = runs(connection, accounts, limit=limit)
    if as_json:
        _print({"runs": found})
        return
    for run in found:
        say(_run_line(run))
    if not found:
        say("no runs yet")


@history_group.command("show")
@click.argument("run")
@history_options
def show_command(run: str, history: str | None, *, as_json: bool, **_: Any) -> None:
    """Show a run: its verdict, what was open after it, and what it changed. RUN is an id, its beginning, or latest."""
    with database(history).reading() as connection:
        shown = find_run(connection, run)
        found = lives(connection, _accounts_of(connection, [shown]))
    states, pruned = _states(shown, found), deleted_findings(shown, found)
    if as_json:
        _print({"run": shown, "findings": [_with_state(life, state) for life, state in states], "pruned": pruned})
        return
    say(_run_line(shown))
    for reason in shown.run.incomplete_reasons:
        say(f"  incomplete: {reason}")
    for life, state in states:
        say(f"  {state:13} {_finding_line(life)}")
    _tell_of_pruned(pruned)


@history_group.command("diff")
@click.argument("earlier")
@click.argument("later")
@history_options
def diff_command(earlier: str, later: str, history: str | None, *, as_json: bool, **_: Any) -> None:
    """Show what changed from the earlier of two runs to the later one: new, resolved, waived."""
    with database(history).reading() as connection:
        before, after = sorted([find_run(connection, earlier), find_run(connection, later)], key=lambda run: run.seq)
        if not {each.account for each in before.accounts} & {each.account for each in after.accounts}:
            raise StartError("the two runs have no account in common; see history runs")
        found = lives(connection, _accounts_of(connection, [before, after]))
    changes = [(kind, life) for life in found if (kind := _difference(life, before.seq, after.seq))]
    pruned = max(deleted_findings(run, found) for run in (before, after))
    if as_json:
        shown = [_with_state(life, kind) for kind, life in changes]
        _print({"from": before, "to": after, "changes": shown, "pruned": pruned})
        return
    say(f"from {_run_line(before)}")
    say(f"to   {_run_line(after)}")
    for kind, life in changes:
        say(f"  {kind:13} {_finding_line(life)}")
    say(f"{plural(len(changes), 'change')}")
    _tell_of_pruned(pruned)


@history_group.command("finding")
@click.argument("fingerprint")
@history_options
@account_option
def finding_command(fingerprint: str, history: str | None, accounts: Sequence[str], *, as_json: bool, **_: Any) -> None:
    """Show the life of a finding: when it was found, waived, fixed, found again. Its first 8 digits are enough."""
    with database(history).reading() as connection:
        found = find_lives(connection, account_ids(connection, accounts), fingerprint)
    if as_json:
        _print({"findings": found})
        return
    for life in found:
        say(f"{_finding_line(life)}\n  {life.account.label}: {'open' if life.open else 'resolved'}")
        for change in life.changes:
            because = f" by {change.waiver.owner} until {change.waiver.expires}" if change.waiver else ""
            say(f"  {change.at:%Y-%m-%d %H:%M} UTC  {change.kind}{because}  ({change.run})")
        for begin, end in life.periods():
            if end is not None:
                say(f"  open for {rough(end.at - begin.at)}, from {begin.at:%Y-%m-%d} to {end.at:%Y-%m-%d}")


@history_group.command("prune")
@history_options
@click.option("--keep", type=Period(), required=True, metavar="PERIOD", help="Keep runs of this period: 400d.")
def prune_command(history: str | None, keep: dt.timedelta, *, as_json: bool, **_: Any) -> None:
    """Delete older runs, and findings resolved before; what open findings and waivers refer to stays."""
    now = dt.datetime.now(dt.UTC)
    base = database(history)
    with base.reading():
        pass  # pruning does not create a history
    with base.writing() as connection:
        pruned = prune(connection, now - keep, now.date())
    base.compact()
    if as_json:
        _print(pruned._asdict())
    else:
        say(
            f"deleted {plural(pruned.runs, 'run')} and {plural(pruned.findings, 'resolved finding')} "
            f"older than {spelt_period(keep)}"
        )


@history_group.command("export")
@history_options
@account_option
def export_command(history: str | None, accounts: Sequence[str], *, as_json: bool, **_: Any) -> None:
    """Print everything as JSON Lines: a line for each run, then for each finding with its life."""
    del as_json  # the output is JSON in any case
    with database(history).reading() as connection:
        for line in exported(connection, accounts):
            say(line)


def _print(value: Any) -> None:
    say(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _tell_of_pruned(count: int) -> None:
    if count:
        say(f"not shown: {plural(count, 'finding')} that history prune deleted")


def _run_line(run: RunRow) -> str:
    accounts = ", ".join(each.account.label for each in run.accounts)
    open_ = ", ".join(f"{run.open[each]} {each}" for each in reversed(Severity) if run.open[each]) or "nothing open"
    whole = "" if run.complete else "  INCOMPLETE"
    return f"{run.id}  {run.started_at:%Y-%m-%d %H:%M} UTC  exit code {run.exit_code}{whole}  {accounts}: {open_}"


def _finding_line(life: Life) -> str:
    result: Result = life.finding
    waived = " (waived)" if life.waiver is not None else ""
    return f"{result.severity:8}  {result.fingerprint[:12]}  {result.rule_id}: {result.message}{waived}"


def _accounts_of(connection: Any, found: Sequence[RunRow]) -> Any:
    own = {each.account for run in found for each in run.accounts}
    return {key: row for key, row in account_ids(connection).items() if row in own}


def _states(run: RunRow, found: Sequence[Life]) -> list[tuple[Life, str]]:
    """Return what was open after a run, or resolved by it, with its state."""
    states = []
    for life in found:
        state = life.state_at(run.seq)
        changed = any(change.number == run.seq for change in life.changes)
        if state is not None and (state not in _RESOLVED or changed):
            states.append((life, state))
    return states


def _difference(life: Life, before: int, after: int) -> str | None:
    """Return how a finding differs between two runs, by their numbers; None: it does not."""
    then, now = life.is_open_at(before), life.is_open_at(after)
    if now and not then:
        return "reopened" if life.state_at(before) is not None else "new"
    if then and not now:
        return life.state_at(after)
    if now and then:
        waived_then, waived_now = life.waived_at(before) is not None, life.waived_at(after) is not None
        if waived_then != waived_now:
            return "waived" if waived_now else "unwaived"
    return None


def _with_state(life: Life, state: str) -> dict[str, Any]:
    return {"state": state, "account": life.account, **msgspec.to_builtins(life.finding)}
