"""The summary on the terminal: the verdict first, then the worst."""

from collections.abc import Iterator, Sequence

import click
from msgspec import UNSET

from northflank_audit.formats.headline import Outcome, brief_headline, outcome
from northflank_audit.formats.ruletext import plain
from northflank_audit.formats.text import (
    BECAME,
    age,
    annotated,
    annotation_counts,
    changes,
    label,
    moment,
    narrowed,
    new_first,
    pages_read,
    plural,
)
from northflank_audit.formats.view import product, types
from northflank_audit.inconclusive import Cause, causes
from northflank_audit.model import Result
from northflank_audit.printable import printable
from northflank_audit.report import Report

MOST = 20
"""Findings, and reasons why the audit is incomplete, that are listed; the report has them all."""
MOST_UNSET = 3
"""Rules that are not configured, likewise: they are the same in every run."""

MORE = "Only registry credentials were audited. What else can be: plan --count --rules pack:everything"
"""What a run without --rules ends with on a terminal."""

_OUTCOMES = {
    Outcome.VIOLATED: "red",
    Outcome.PASSED: "green",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.INCOMPLETE: "yellow",
}
_COLOURS = {"critical": "bright_red", "high": "red", "medium": "yellow", "low": "cyan", "info": "blue"}


def worth_telling(report: Report) -> bool:
    """Return whether a run with `--quiet` has something to print.

    Warnings are printed even if nothing is violated: an audit that finds no resources, week after week, also passes,
    and so does one that no longer runs a rule that was violated before.
    """
    comparison = report.comparison
    unsure = comparison is not UNSET and (comparison.refused is not None or comparison.unsettled)
    return bool(report.exit_code or report.warnings or report.waivers.expired or unsure)


def lines(
    report: Report, written: Sequence[str], receipts: Sequence[str] = (), *, verbose: bool = False
) -> Iterator[str]:
    """Yield the summary, line by line, with colours for click to keep or to strip."""
    yield _headline(report)
    yield from _reasons(report.run.incomplete_reasons)
    yield from _changes(report)
    if counts := annotation_counts(report):
        yield click.style(f"  {', '.join(counts)}", fg="yellow")
    yield from _findings(new_first(result for result in report.results if result.violates), report)
    yield from _inconclusive(causes(report.results, report.rules))
    yield from _incorrect([each for each in report.results if each.is_called_incorrect])
    yield ""
    for warning in report.warnings:
        yield f"warning: {printable(warning)}"
    for waiver in report.waivers.expired:
        covered = printable(f"{waiver.rule} for {waiver.resource}{narrowed(waiver)}")
        yield f"warning: the waiver of {covered} expired on {waiver.expires}"
    yield from _not_configured(report)
    yield _coverage(report)
    if verbose:
        yield from _types(report)
    if written:
        yield f"reports: {'  '.join(written)}"
    yield from map(printable, receipts)
    yield f"exit code {report.exit_code}"


def _headline(report: Report) -> str:
    word = outcome(report)
    return click.style(f"{word}  {brief_headline(report)}", fg=_OUTCOMES[word], bold=True)


def _reasons(reasons: Sequence[str]) -> Iterator[str]:
    for reason in reasons[:MOST]:
        yield click.style(f"  incomplete: {printable(reason)}", fg="yellow")
    if len(reasons) > MOST:
        yield click.style(f"  … and {len(reasons) - MOST} more reasons, in the reports", fg="yellow")


def _changes(report: Report) -> Iterator[str]:
    comparison = report.comparison
    if comparison is UNSET:
        return
    since = f"since {moment(comparison.baseline.finished_at)}"
    if comparison.refused is not None:
        yield click.style(f"  not compared: {printable(comparison.refused)}", fg="yellow")
        return
    yield f"  {since}: {', '.join(changes(report))}"
    for caution in comparison.cautions:
        yield f"  caution: {printable(caution)}"
    for word, ended in (("resolved", report.resolved_results), ("not resolved", report.unsettled_results)):
        yield from _ended(word, ended)


def _ended(word: str, results: Sequence[Result]) -> Iterator[str]:
    for result in results[:MOST]:
        became = "" if result.became is UNSET else BECAME[result.became]
        yield f"  {word}, {became}: {printable(result.rule_id)} on {_label(result)}"
    if len(results) > MOST:
        yield f"  … and {len(results) - MOST} more {word}, in the reports"


def _label(result: Result) -> str:
    return printable(label(result.resource))


def _findings(results: Sequence[Result], report: Report) -> Iterator[str]:
    headings = {rule.id: plain(rule.heading) for rule in report.rules}
    rule = None
    for result in results[:MOST]:
        if result.rule_id != rule:
            rule = result.rule_id
            severity = click.style(f"{result.severity:<8}", fg=_COLOURS[result.severity], bold=True)
            yield ""
            yield f"{severity}  {printable(headings[rule])}  {click.style(rule, dim=True)}"
        new = click.style(f"{result.state}  ", bold=True) if result.is_new else ""
        # The dash keeps an id such as `::error::` from being a command to the CI that reads this line.
        known = click.style(f" ({age(result)})", dim=True) if age(result) else ""
        yield f"        - {new}{_label(result)}: {printable(result.message)}{known}"
        if said := annotated(result):
            yield f"          {printable(said)}"
    if len(results) > MOST:
        yield f"          … and {len(results) - MOST} more violations, in the reports"


def _incorrect(results: Sequence[Result]) -> Iterator[str]:
    """Yield the findings of which someone says that the tool is wrong, for whoever reports them."""
    if results:
        yield ""
        yield "Reported as incorrect: please report these to the tool's maintainers"
    for result in results[:MOST]:
        comment = "" if result.annotation is UNSET else result.annotation.comment
        yield f"        - {printable(f'{result.rule_id} on {label(result.resource)}: {comment}')}"
    if len(results) > MOST:
        yield f"          … and {len(results) - MOST} more, in the reports"


def _inconclusive(groups: Sequence[Cause]) -> Iterator[str]:
    """Yield what could not be evaluated, one line per cause."""
    rule = None
    for cause in groups[:MOST]:
        if (cause.rule.id, cause.status) != rule:
            rule = (cause.rule.id, cause.status)
            yield ""
            label = click.style(f"{cause.status:<8}", fg="yellow")
            yield f"{label}  {printable(plain(cause.rule.title))}  {click.style(cause.rule.id, dim=True)}"
        yield f"        - {printable(f'{cause.where}: {cause.reason}')}"
    if len(groups) > MOST:
        rest = sum(len(cause.results) for cause in groups[MOST:])
        yield f"          … and {rest} more unknown, in the reports"


def _types(report: Report) -> Iterator[str]:
    """Yield what came back of each type."""
    for each in types(report):
        counts = f"{each.resources}, {plural(each.details, 'detail')}, {plural(each.requests, 'request')}"
        yield f"  {each.name}: {counts}, {each.complete}, {each.scope}"
        yield from (f"    {printable(why)}" for why in each.missing)
        if each.silent:
            yield f"    no record had {', '.join(map(printable, each.silent))}"
    if report.coverage.not_visible:
        yield "  not visible through the API:"
        yield from (f"    {printable(fact)}" for fact in report.coverage.not_visible)


def _not_configured(report: Report) -> Iterator[str]:
    """Yield the rules that did not run because a required parameter is empty."""
    for rule in report.not_configured[:MOST_UNSET]:
        yield printable(f"not configured: {rule.id}: {rule.why}")
    if len(report.not_configured) > MOST_UNSET:
        yield f"… and {len(report.not_configured) - MOST_UNSET} more not configured, in the reports"


def _coverage(report: Report) -> str:
    coverage, summary = report.coverage, report.summary
    seconds = (report.run.finished_at - report.run.started_at).total_seconds()
    return (
        f"{product(report)}: "
        f"{summary.passed} pass, {summary.fail} fail, {summary.waived} waived, {summary.unknown} unknown, "
        f"{summary.error} error, {summary.notapplicable} not applicable\n"
        f"{pages_read(coverage)}, {plural(coverage.details, 'detail')}, "
        f"{plural(coverage.requests, 'request')}, {plural(coverage.retries, 'retry', 'retries')}, {seconds:.1f} s"
    )
