"""The commands about annotations: list, check, add."""

import datetime as dt
from typing import Any, Final

import click
from msgspec import UNSET

from northflank_audit.audit.remark_status import RemarkCheck, RemarkClock, RemarkStatus
from northflank_audit.cli.bound_options import details_option, request_options
from northflank_audit.cli.config_file import refuse_mistakes
from northflank_audit.cli.findings import checked_day, checked_text, selected
from northflank_audit.cli.option_types import Option
from northflank_audit.cli.options import (
    config_option,
    output_dir_option,
    policy_options,
    source_options,
)
from northflank_audit.cli.own_files import last_report
from northflank_audit.cli.remark_commands import about, days_words, listing, named, put, run_check
from northflank_audit.cli.remark_options import annotations_option, waiver_options
from northflank_audit.config.remark_reading import read_remarks
from northflank_audit.config.settings import settings_from
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.formats.text import annotation_words
from northflank_audit.model import Result, Status
from northflank_audit.policy.remarks.remark_files import ANNOTATIONS
from northflank_audit.printable import printable
from northflank_audit.printing import say
from northflank_audit.remarks import Annotation
from northflank_audit.report import Report

WITHIN: Final = 14
"""Days before its day from which an annotation is listed as due."""
DEFAULT_FILE: Final = "annotations.yaml"


@click.group("annotations")
def annotations_group() -> None:
    """List, check and add annotations: who fixes a finding by when, or that the tool is wrong about it."""


@annotations_group.command("list")
@annotations_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_annotations(annotations: str | None, config: Document | None, *, as_json: bool) -> None:
    """List the annotations of --annotations FILE (annotations.yaml, if neither this nor the config names one)."""
    refuse_mistakes(config)
    found = read_remarks(annotations or DEFAULT_FILE, ANNOTATIONS)
    listing(found, ANNOTATIONS, _day, lambda each: printable(annotation_words(each)), as_json=as_json)


@annotations_group.command("check")
@source_options
@policy_options
@waiver_options
@annotations_option
@details_option
@request_options
@click.option(
    "--within",
    type=click.IntRange(min=0),
    default=WITHIN,
    show_default=True,
    metavar="DAYS",
    help="Also list what is due within this time.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def check_annotations(within: int, form: str, **given: Any) -> None:
    """List annotations that are overdue, about nothing or due soon; exit 1 for the first two.

    This runs an audit, to see which findings still exist, and writes no report. The exit code is 3 if the audit could
    not see or evaluate enough to know.
    """
    settings = settings_from(given, click.get_current_context().get_parameter_source)
    if not settings.annotations:
        raise click.UsageError("name the annotations: --annotations FILE")
    clock: RemarkClock[Annotation] = RemarkClock(
        day=_day,
        past=RemarkStatus.OVERDUE,
        soon=RemarkStatus.DUE,
        within=within,
        if_used=True,
    )
    run_check(
        settings,
        ANNOTATIONS,
        clock,
        lambda policy: policy.annotations or [],
        _unused,
        _due,
        as_json=form == "json",
    )


def _day(annotation: Annotation) -> dt.date | None:
    return None if annotation.due is UNSET else annotation.due


def _unused(report: Report) -> list[Annotation]:
    return [] if report.annotations is UNSET else report.annotations.unused


def _due(check: RemarkCheck[Annotation]) -> str:
    when = "" if check.days_left is None else f" ({days_words(check.days_left)})"
    return printable(annotation_words(check.remark)) + when


@annotations_group.command("add")
@click.argument("fingerprints", nargs=-1, metavar="FINGERPRINT...")
@click.option("--all-of", multiple=True, metavar="RULE", help="Each finding of this rule; repeatable.")
@click.option("--owner", metavar="WHO", help="Who fixes it.")
@click.option("--due", metavar="YYYY-MM-DD", help="Last day on which it is to be fixed, UTC.")
@click.option("--comment", metavar="TEXT", help="Further information.")
@click.option("--incorrect", is_flag=True, help="The tool is wrong about it; --comment says why.")
@click.option(
    "--report",
    cls=Option,
    metavar="FILE",
    help="Report that lists the finding.  [default: report.json in --output-dir]",
)
@output_dir_option
@annotations_option
@config_option
def add_annotation(
    fingerprints: tuple[str, ...],
    all_of: tuple[str, ...],
    owner: str | None,
    due: str | None,
    comment: str | None,
    report: str | None,
    output_dir: str,
    annotations: str | None,
    config: Document | None,
    *,
    incorrect: bool,
) -> None:
    """Annotate the findings with these fingerprints; the first 8 digits of one, with or without a #, are enough.

    The annotations are added at the end of --annotations FILE (annotations.yaml, if neither this nor the config names
    one), all of them or none; the rest of the file stays as it is, comments included.
    """
    refuse_mistakes(config)
    said: dict[str, Any] = {
        name: checked_text(f"--{name}", text, ANNOTATIONS.one)
        for name, text in (("owner", owner), ("comment", comment))
        if text is not None
    }
    if due is not None:
        said["due"] = checked_day("--due", due)
    if incorrect and comment is None:
        raise StartError("--incorrect: say with --comment what the tool is wrong about")
    if not said:
        raise StartError("an annotation needs content: give --owner, --due or --comment")
    selection = selected(report or last_report(output_dir), fingerprints, all_of, _refusal)

    def make(result: Result) -> Annotation:
        return Annotation(**about(result), **said, incorrect=incorrect)

    path = annotations or DEFAULT_FILE
    for line, annotation in put(path, ANNOTATIONS, selection, make, lambda _: "it is annotated there already"):
        say(f"{path}:{line}: {named(annotation)}: {printable(annotation_words(annotation))}")
    if annotations is None:
        say(f"audits read it with --annotations {path}, or with `annotations: {path}` in the config file")


def _refusal(result: Result) -> str | None:
    """Return why a result can't be annotated."""
    if result.status in (Status.PASS, Status.NOTAPPLICABLE):
        return f"this result is not a finding: it is '{result.status}'"
    if result.resource.id is None:
        return "this result is about a whole list that could not be read, not about a resource"
    return None
