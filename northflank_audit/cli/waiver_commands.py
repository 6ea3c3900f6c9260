"""The commands about waivers: check, add."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec import UNSET

from northflank_audit.audit.baseline_reading import read_report
from northflank_audit.audit.policy_reading import read_policy
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.runner import audit
from northflank_audit.audit.source_opening import opened
from northflank_audit.audit.waiver_status import AuditScope, WaiverCheck, WaiverStatus, waiver_checks
from northflank_audit.cli.bound_options import details_option, request_options
from northflank_audit.cli.option_types import Option
from northflank_audit.cli.options import (
    config_option,
    output_dir_option,
    policy_options,
    source_options,
    waivers_option,
)
from northflank_audit.cli.own_files import last_report, write_own
from northflank_audit.config.settings import settings_from
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors, StartError
from northflank_audit.formats.text import narrowed, plural
from northflank_audit.model import Result, Status, Waiver
from northflank_audit.policy.waivers.waiver_book import covers, exactly, read
from northflank_audit.policy.waivers.waiver_text import added
from northflank_audit.printable import printable
from northflank_audit.printing import say
from northflank_audit.reading import read_text

WITHIN: Final = 30
"""Days before its end from which a waiver is listed."""
SHORTEST: Final = 8
"""Hexadecimal digits of a fingerprint that are enough to name it."""


@click.group("waivers")
def waivers_group() -> None:
    """Check waivers, and add one."""


@waivers_group.command("check")
@source_options
@policy_options
@waivers_option
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
    policy = read_policy(settings)
    if policy.book is None or not (settings.waivers or (settings.demo and not settings.rules)):
        raise click.UsageError("name the waivers: --waivers FILE")
    with opened(settings) as source:
        report = audit(AuditRequest.of(settings, policy), source, lambda _count: None)
    waivers = list(zip(policy.waiver_locations, policy.waivers, strict=True))
    everything = settings.all_teams or (settings.input and not settings.team)
    scope = AuditScope(complete=not source.problems, accounts=None if everything else settings.team or [None])
    checks = list(waiver_checks(waivers, report, policy.book, scope, within=within))
    say(_json(checks) if form == "json" else "\n".join(_lines(checks)), json=form == "json")
    for problem in source.problems:
        say(f"incomplete: {printable(problem)}", err=True)
    statuses = {each.status for each in checks}
    if source.problems or WaiverStatus.UNKNOWN in statuses:
        raise click.exceptions.Exit(3)
    if statuses & {WaiverStatus.EXPIRED, WaiverStatus.UNUSED}:
        raise click.exceptions.Exit(1)


def _json(checks: Sequence[WaiverCheck]) -> str:
    return msgspec.json.format(msgspec.json.encode(checks), indent=2).decode()


def _lines(checks: Sequence[WaiverCheck]) -> list[str]:
    """Return a line for each waiver that someone should look at, the worst first, and how many are fine."""
    lines = []
    for status in WaiverStatus:
        for each in checks:
            if each.status is status and status is not WaiverStatus.FINE:
                lines.append(f"{status:<8}  {each.place}: {named(each.waiver)}; {_until(each)}")
                if each.why:
                    lines.append(f"          {printable(each.why)}")
    fine = sum(each.status is WaiverStatus.FINE for each in checks)
    files = ", ".join(dict.fromkeys(each.place.rpartition(":")[0] for each in checks))
    return [*lines, f"{plural(len(checks), 'waiver')}{' in ' * bool(files)}{files}, {fine} fine"]


def _until(check: WaiverCheck) -> str:
    days = abs(check.days_left)
    count = plural(days, "day")
    when = f"{count} ago" if check.days_left < 0 else f"in {count}" if days else "today"
    return f"{printable(check.waiver.owner)}, until {check.waiver.expires} ({when})"


def named(waiver: Waiver) -> str:
    """Return what a waiver is about, for a person."""
    return printable(f"{waiver.rule} for {waiver.resource}{narrowed(waiver)}")


@waivers_group.command("add")
@click.argument("fingerprints", nargs=-1, required=True, metavar="FINGERPRINT...")
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
@waivers_option
@config_option
def add_waiver(
    fingerprints: tuple[str, ...],
    reason: str,
    owner: str,
    expires: str,
    report: str | None,
    output_dir: str,
    waivers: str | None,
    config: Document | None,
) -> None:
    """Waive the violations with these fingerprints; the first 8 digits of one, with or without a #, are enough.

    The waivers are added at the end of --waivers FILE (waivers.yaml, if neither this nor the config names one), all of
    them or none; the rest of the file stays as it is, comments included.
    """
    if config is not None and config.diagnostics:  # one of them may be the key that names the waivers
        raise FileErrors(config.diagnostics)
    report = report or last_report(output_dir)
    results = read_report(report, "--report").results
    chosen = {each.fingerprint: each for each in (_violation(given, results, report) for given in fingerprints)}
    why, who, until = _checked_text("--reason", reason), _checked_text("--owner", owner), _last_day(expires)
    path = waivers or "waivers.yaml"
    new = read_text(path, exact=True) if _may_exist(path) else ""
    document = Document(new, path, strict=False)
    there = read(document)[0]
    lines: list[tuple[int, Waiver]] = []
    for result in chosen.values():
        identity = result.resource.identity
        for place, each in there:
            if covers(each, result.rule_id, identity) and each.expires >= until:
                problem = f"it is waived there already, until {each.expires} ({result.fingerprint})"
                raise StartError(f"{path}:{document.line(place)}: {problem}")
        if not any(covers(each, result.rule_id, identity) for _, each in lines):
            waiver = Waiver(
                rule=result.rule_id,
                resource=exactly(identity[-1]),
                team=result.resource.team,
                project=result.resource.project or UNSET,
                reason=why,
                owner=who,
                expires=until,
            )
            new, line = added(new, path, waiver)
            lines.append((line, waiver))
    write_own(path, new)
    for line, waiver in lines:
        say(f"{path}:{line}: {named(waiver)} is waived until {waiver.expires}")
    if waivers is None:
        say(f"audits read it with --waivers {path}, or with `waivers: {path}` in the config file")


def _may_exist(path: str) -> bool:
    """Return whether the file exists; if that is unknown, reading it reports why."""
    try:
        return Path(path).exists()
    except OSError:
        return True


def _violation(given: str, results: Sequence[Result], report: str) -> Result:
    """Return the violation whose fingerprint begins so; the HTML report shows it with a # in front."""
    fingerprint = given.strip().removeprefix("#")
    if len(fingerprint) < SHORTEST:
        raise StartError(f"give at least the first {SHORTEST} digits of a fingerprint; {report} has them")
    matches = [each for each in results if each.fingerprint.startswith(fingerprint.lower())]
    if not matches:
        raise StartError(f"{report}: no result has the fingerprint {printable(fingerprint)}; is it an older report?")
    if len(matches) > 1:
        choices = ", ".join(f"{each.fingerprint} ({each.resource.id})" for each in matches)
        raise StartError(f"{report}: several results begin with {fingerprint}: {printable(choices)}")
    (result,) = matches
    if result.status is not Status.FAIL:
        raise StartError(f"{report}: this result is not a violation: it is '{result.status}'")
    if result.waiver is not None and result.waiver.expires >= _today():
        raise StartError(f"{report}: it is waived already, until {result.waiver.expires}: {named(result.waiver)}")
    return result


def _checked_text(option: str, text: str) -> str:
    if not text.strip():
        raise StartError(f"{option}: required for a waiver")
    if any("\ud800" <= character <= "\udfff" for character in text):  # bytes of the command line that are not text
        raise StartError(f"{option}: not UTF-8 text")
    return text.strip()


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _last_day(text: str) -> dt.date:
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise StartError(f"--expires: '{printable(text)}' is not a date such as 2027-01-31") from None
    if day < _today():
        raise StartError(f"--expires: {day} is past, so the waiver would waive nothing")
    return day
