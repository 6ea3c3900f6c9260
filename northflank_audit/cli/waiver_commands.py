"""The commands about waivers: list, check, add."""

from typing import Any, Final

import click

from northflank_audit.audit.remark_status import RemarkCheck, RemarkClock, RemarkStatus
from northflank_audit.cli.bound_options import details_option, request_options
from northflank_audit.cli.config_file import refuse_mistakes
from northflank_audit.cli.findings import checked_day, checked_text, selected, today
from northflank_audit.cli.option_types import Option
from northflank_audit.cli.options import (
    config_option,
    output_dir_option,
    policy_options,
    source_options,
)
from northflank_audit.cli.own_files import last_report
from northflank_audit.cli.remark_commands import about, days_words, listing, named, put, run_check, until_words
from northflank_audit.cli.remark_options import waiver_options, waivers_option
from northflank_audit.config.remark_reading import read_remarks
from northflank_audit.config.settings import settings_from
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.model import Result, Status
from northflank_audit.policy.remarks.remark_files import WAIVERS, beyond
from northflank_audit.printable import printable
from northflank_audit.printing import say
from northflank_audit.remarks import Waiver

WITHIN: Final = 30
"""Days before its end from which a waiver is listed."""
DEFAULT_FILE: Final = "waivers.yaml"


@click.group("waivers")
def waivers_group() -> None:
    """List waivers, check them, and add some."""


@waivers_group.command("list")
@waivers_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_waivers(waivers: str | None, config: Document | None, *, as_json: bool) -> None:
    """List the waivers of --waivers FILE (waivers.yaml, if neither this nor the config names one).

    It runs no audit: `waivers check` finds those that match nothing.
    """
    refuse_mistakes(config)
    found = read_remarks(waivers or DEFAULT_FILE, WAIVERS)
    listing(found, WAIVERS, lambda waiver: waiver.expires, _words, as_json=as_json)


def _words(waiver: Waiver) -> str:
    return printable(f"{waiver.owner}, until {until_words(waiver.expires)}: {waiver.reason}")


@waivers_group.command("check")
@source_options
@policy_options
@waiver_options
@details_option
@request_options
@click.option(
    "--within",
    type=click.IntRange(min=0),
    default=WITHIN,
    show_default=True,
    metavar="DAYS",
    help="Warn about waivers that expire within this time.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def check_waivers(within: int, form: str, **given: Any) -> None:
    """List waivers that have expired, cover nothing or end soon; exit 1 for the first two.

    This runs an audit, to see whether each waiver covers anything, and writes no report. The exit code is 3 if the
    audit could not see or evaluate enough to know.
    """
    settings = settings_from(given, click.get_current_context().get_parameter_source)
    if not (settings.waivers or (settings.demo and not settings.rules)):
        raise click.UsageError("name the waivers: --waivers FILE")
    clock: RemarkClock[Waiver] = RemarkClock(
        day=lambda waiver: waiver.expires,
        past=RemarkStatus.EXPIRED,
        soon=RemarkStatus.EXPIRING,
        within=within,
        if_used=False,
    )
    run_check(
        settings,
        WAIVERS,
        clock,
        lambda policy: list(zip(policy.waiver_locations, policy.waivers, strict=True)),
        lambda report: report.waivers.unused,
        _until,
        as_json=form == "json",
    )


def _until(check: RemarkCheck[Waiver]) -> str:
    waiver = check.remark
    return f"{printable(waiver.owner)}, until {waiver.expires} ({days_words(check.days_left or 0)})"


@waivers_group.command("add")
@click.argument("fingerprints", nargs=-1, metavar="FINGERPRINT...")
@click.option(
    "--all-of",
    multiple=True,
    metavar="RULE",
    help="Each violation of this rule that is not waived; repeatable.",
)
@click.option("--reason", required=True, metavar="TEXT", help="Why the violation is accepted.")
@click.option("--owner", required=True, metavar="WHO", help="Who is responsible for it.")
@click.option("--expires", required=True, metavar="YYYY-MM-DD", help="Last day on which it applies, UTC.")
@click.option(
    "--report",
    cls=Option,
    metavar="FILE",
    help="Report that lists the violation.  [default: report.json in --output-dir]",
)
@output_dir_option
@waiver_options
@config_option
def add_waiver(
    fingerprints: tuple[str, ...],
    all_of: tuple[str, ...],
    reason: str,
    owner: str,
    expires: str,
    report: str | None,
    output_dir: str,
    waivers: str | None,
    max_waiver_days: int,
    config: Document | None,
) -> None:
    """Waive the violations with these fingerprints; the first 8 digits of one, with or without a #, are enough.

    The waivers are added at the end of --waivers FILE (waivers.yaml, if neither this nor the config names one), all of
    them or none; the rest of the file stays as it is, comments included. Each covers one violation: what --all-of finds
    today, and nothing that comes later.
    """
    refuse_mistakes(config)
    selection = selected(report or last_report(output_dir), fingerprints, all_of, _refusal)
    why, who = checked_text("--reason", reason, WAIVERS.one), checked_text("--owner", owner, WAIVERS.one)
    until = checked_day("--expires", expires)
    if until < today():
        raise StartError(f"--expires: {until} is past, so the waiver would waive nothing")
    if (until - today()).days > max_waiver_days:
        raise StartError(f"--expires: {beyond(until, max_waiver_days)}")

    def taken(waiver: Waiver) -> str | None:
        return f"it is waived there already, until {waiver.expires}" if waiver.expires >= until else None

    def make(result: Result) -> Waiver:
        return Waiver(**about(result), reason=why, owner=who, expires=until)

    path = waivers or DEFAULT_FILE
    for line, waiver in put(path, WAIVERS, selection, make, taken):
        say(f"{path}:{line}: {named(waiver)} is waived until {waiver.expires}")
    if waivers is None:
        say(f"audits read it with --waivers {path}, or with `waivers: {path}` in the config file")


def _refusal(result: Result) -> str | None:
    """Return why a result can't be waived."""
    if result.status is not Status.FAIL:
        return f"this result is no violation: it is '{result.status}'"
    if result.waiver is not None and result.waiver.expires >= today():
        return f"it is waived already, until {result.waiver.expires}: {named(result.waiver)}"
    return None
