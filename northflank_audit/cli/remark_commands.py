"""Code that the commands about waivers and annotations share."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from northflank_audit.audit.policy_reading import read_policy
from northflank_audit.audit.remark_status import AuditScope, RemarkCheck, RemarkClock, RemarkStatus, remark_checks
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.runner import audit
from northflank_audit.audit.source_opening import opened
from northflank_audit.cli.findings import Selection, today
from northflank_audit.cli.own_files import write_own
from northflank_audit.config.policy import Policy
from northflank_audit.config.settings import Settings
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.formats.text import narrowed, plural
from northflank_audit.model import Result
from northflank_audit.policy.remarks.remark_book import R, RemarkBook, exactly
from northflank_audit.policy.remarks.remark_files import RemarkForm, read
from northflank_audit.policy.remarks.remark_text import added
from northflank_audit.printable import printable
from northflank_audit.printing import say
from northflank_audit.reading import read_text
from northflank_audit.remarks import Remark
from northflank_audit.report import Report

FAILURES = {RemarkStatus.EXPIRED, RemarkStatus.OVERDUE, RemarkStatus.UNUSED}
"""What makes the exit code of `check` 1."""


def named(remark: Remark) -> str:
    """Return what a remark is about, for a person."""
    return printable(f"{remark.rule} for {remark.resource}{narrowed(remark)}")


def about(result: Result) -> dict[str, Any]:
    """Return the keys of a remark about exactly this result."""
    resource = result.resource
    scope = {"team": resource.team} | ({"project": resource.project} if resource.project else {})
    return {"rule": result.rule_id, "resource": exactly(resource.identity[-1]), **scope}


def put(
    path: str,
    form: RemarkForm[R],
    selection: Selection,
    make: Callable[[Result], R],
    taken: Callable[[R], str | None],
) -> list[tuple[int, R]]:
    """Add a remark for each finding to a file, all or none, and return them with their lines.

    `taken` returns why an existing remark of a finding leaves nothing to add. Then it raises StartError, unless the
    finding was only named by its rule.
    """
    text = read_text(path, exact=True) if _may_exist(path) else ""
    document = Document(text, path, strict=False)
    there = [(here, remark) for here, remark in read(document, form)[0] if taken(remark)]
    book = RemarkBook([remark for _, remark in there])
    remarks = []
    for result in (*selection.named, *selection.of_rules):
        before = book.find(result.rule_id, result.resource.identity)
        if before is None:
            remarks.append(make(result))
        elif result in selection.named:
            line = next(document.line(here) for here, remark in there if remark is before)
            raise StartError(f"{path}:{line}: {taken(before)} ({result.fingerprint})")
    if not remarks:
        raise StartError(f"{path}: nothing to add: it already covers all of these")
    new, lines = added(text, path, form, remarks)
    write_own(path, new)
    return list(zip(lines, remarks, strict=True))


def _may_exist(path: str) -> bool:
    """Return whether the file exists; if that is unknown, reading it reports why."""
    try:
        return Path(path).exists()
    except OSError:
        return True


def listing(
    remarks: Sequence[tuple[str, R]],
    form: RemarkForm[R],
    day: Callable[[R], dt.date | None],
    words: Callable[[R], str],
    *,
    as_json: bool,
) -> None:
    """Print the remarks of a file, each with its position; `words` returns the rest of its line."""
    if as_json:
        entries = [
            {**msgspec.to_builtins(remark), "place": place, "daysLeft": _days_left(day(remark))}
            for place, remark in remarks
        ]
        say(msgspec.json.format(msgspec.json.encode({form.key: entries}), indent=2).decode(), json=True)
        return
    for place, remark in remarks:
        say(f"{printable(place)}: {named(remark)}; {words(remark)}")
    say(plural(len(remarks), form.name))


def days_words(days_left: int) -> str:
    """Return when a day is: `in 3 days`, `today`, `1 day ago`."""
    count = plural(abs(days_left), "day")
    return f"{count} ago" if days_left < 0 else f"in {count}" if days_left else "today"


def until_words(day: dt.date) -> str:
    """Return a day and when it is."""
    return f"{day} ({days_words((day - today()).days)})"


def _days_left(day: dt.date | None) -> int | None:
    return None if day is None else (day - today()).days


def run_check(
    settings: Settings,
    form: RemarkForm[R],
    clock: RemarkClock[R],
    remarks_of: Callable[[Policy], Sequence[tuple[str, R]]],
    unused_of: Callable[[Report], Sequence[R]],
    words: Callable[[RemarkCheck[R]], str],
    *,
    as_json: bool,
) -> None:
    """Audit without a report, print the status of each remark, and exit accordingly."""
    policy = read_policy(settings)
    assert policy.book is not None  # noqa: S101 - it was just read
    with opened(settings) as source:
        report = audit(AuditRequest.of(settings, policy), source, lambda _count: None)
    everything = settings.all_teams or (settings.input and not settings.team)
    scope = AuditScope(complete=not source.problems, accounts=None if everything else settings.team or [None])
    remarks = remarks_of(policy)
    checks = list(remark_checks(remarks, unused_of(report), clock, report, policy.book, scope))
    say(_json(checks, form) if as_json else "\n".join(_lines(checks, form, words)), json=as_json)
    for problem in source.problems:
        say(f"incomplete: {printable(problem)}", err=True)
    statuses = {each.status for each in checks}
    if source.problems or RemarkStatus.UNKNOWN in statuses:
        raise click.exceptions.Exit(3)
    if statuses & FAILURES:
        raise click.exceptions.Exit(1)


def _json(checks: Sequence[RemarkCheck[R]], form: RemarkForm[R]) -> str:
    entries = [
        {
            form.name: each.remark,
            "place": each.place,
            "standing": each.status,
            "daysLeft": each.days_left,
            "why": each.why,
        }
        for each in checks
    ]
    return msgspec.json.format(msgspec.json.encode(entries), indent=2).decode()


def _lines(checks: Sequence[RemarkCheck[R]], form: RemarkForm[R], words: Callable[[RemarkCheck[R]], str]) -> list[str]:
    """Return a line for each remark that someone should look at, the worst first, and how many are fine."""
    lines = []
    for status in RemarkStatus:
        for each in checks:
            if each.status is status and status is not RemarkStatus.FINE:
                lines.append(f"{status:<8}  {each.place}: {named(each.remark)}; {words(each)}")
                if each.why:
                    lines.append(f"          {printable(each.why)}")
    fine = sum(each.status is RemarkStatus.FINE for each in checks)
    files = ", ".join(dict.fromkeys(each.place.rpartition(":")[0] for each in checks))
    return [*lines, f"{plural(len(checks), form.name)}{' in ' * bool(files)}{files}, {fine} fine"]
