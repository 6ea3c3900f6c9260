"""The summary on the terminal: the verdict first, then the worst."""

from collections.abc import Iterator, Sequence

import click
from msgspec import UNSET

from northflank_audit.audit.verdict_totals import ABSENT
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
    pages_read,
    plural,
)
from northflank_audit.formats.view import product, types
from northflank_audit.formats.worst import EACH, RuleExcerpt, shares, worst
from northflank_audit.inconclusive import Cause, by_reason, causes
from northflank_audit.model import Result, Status
from northflank_audit.printable import printable
from northflank_audit.report import Report, RuleSummary

MOST = 20
"""Findings, and reasons why the audit is incomplete, that are listed; the report has them all."""
MOST_COUNTED = 10
"""Violated rules of which no finding is listed, that are named."""
MOST_PLACES = 3
"""Kinds of resources that a line about one reason names."""
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
    groups = by_reason(causes(report.results, report.rules))
    where = _where(written)
    yield from _reasons(_merged(report, groups), where)
    yield from _changes(report, where)
    if counts := annotation_counts(report):
        yield click.style(f"  {', '.join(counts)}", fg="yellow")
    yield from _findings(worst(report, MOST), where)
    yield from _inconclusive(groups, where)
    yield from _incorrect([each for each in report.results if each.is_called_incorrect], where)
    yield ""
    for warning in report.warnings:
        yield f"warning: {printable(warning)}"
    for waiver in report.waivers.expired:
        covered = printable(f"{waiver.rule} for {waiver.resource}{narrowed(waiver)}")
        yield f"warning: the waiver of {covered} expired on {waiver.expires}"
    yield from _not_configured(report, where)
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


def _where(written: Sequence[str]) -> str:
    """Return where the whole of a list is that is cut."""
    if not written:
        return "in no report, because none was written (--format, --output)"
    page = next((path for path in written if path.endswith(".html")), written[0])
    return f"in the reports: {page}"


def _merged(report: Report, groups: Sequence[Sequence[Cause]]) -> list[str]:
    """Return why the audit is incomplete; rules that are inconclusive for the same reason are one reason."""
    merged = {
        f"{cause.text}{hint}": f"{_merged_text(group)}{hint}"
        for group in groups
        if len(group) > 1
        for cause in group
        for hint in ("", f"; {ABSENT}")
    }
    return list(dict.fromkeys(merged.get(reason, reason) for reason in report.run.incomplete_reasons))


def _merged_text(group: Sequence[Cause]) -> str:
    verb = "failed on" if group[0].status is Status.ERROR else "are unknown for"
    return f"{len(group)} rules {verb} {_places(group)}: {group[0].reason}"


def _reasons(reasons: Sequence[str], where: str) -> Iterator[str]:
    for reason in reasons[:MOST]:
        yield click.style(f"  incomplete: {printable(reason)}", fg="yellow")
    if len(reasons) > MOST:
        yield click.style(f"  … and {len(reasons) - MOST} more reasons, {where}", fg="yellow")


def _changes(report: Report, where: str) -> Iterator[str]:
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
        yield from _ended(word, ended, where)


def _ended(word: str, results: Sequence[Result], where: str) -> Iterator[str]:
    """Yield what only the earlier report has, some of each rule."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.rule_id, []).append(result)
    room = shares([[min(EACH, len(same)) for same in groups.values()]], MOST)
    for share, same in zip(room, groups.values(), strict=True):
        for result in same[:share]:
            became = "" if result.became is UNSET else BECAME[result.became]
            yield f"  {word}, {became}: {printable(result.rule_id)} on {_label(result)}"
        if 0 < share < len(same):
            yield f"  … and {len(same) - share} more of {printable(same[0].rule_id)}"
    if rest := len(results) - sum(room):
        yield f"  … and {rest} more {word}, {where}"


def _label(result: Result) -> str:
    return printable(label(result.resource))


def _findings(excerpts: Sequence[RuleExcerpt], where: str) -> Iterator[str]:
    """Yield the worst findings, some of each rule, and how many there are of the others."""
    listed = [each for each in excerpts if each.first]
    for excerpt in listed:
        yield from _excerpt(excerpt)
        if excerpt.rest and len(excerpts) > 1:
            yield _more(excerpt)
    counted = excerpts[len(listed) :]
    if counted:
        yield ""
    for excerpt in counted[:MOST_COUNTED]:
        yield f"{_rule(excerpt.rule, excerpt.rest[0])}: {plural(len(excerpt.rest), 'violation')}"
    if len(counted) > MOST_COUNTED:
        yield f"          … and {len(counted) - MOST_COUNTED} more violated rules"
    if rest := sum(len(excerpt.rest) for excerpt in excerpts):
        yield f"          … and {rest} more violations, {where}"


def _rule(rule: RuleSummary, result: Result) -> str:
    severity = click.style(f"{result.severity:<8}", fg=_COLOURS[result.severity], bold=True)
    return f"{severity}  {printable(plain(rule.heading))}  {click.style(rule.id, dim=True)}"


def _excerpt(excerpt: RuleExcerpt) -> Iterator[str]:
    """Yield a rule's findings that are listed."""
    yield ""
    yield _rule(excerpt.rule, excerpt.first[0])
    for result in excerpt.first:
        new = click.style(f"{result.state}  ", bold=True) if result.is_new else ""
        # The dash keeps an id such as `::error::` from being a command to the CI that reads this line.
        known = click.style(f" ({age(result)})", dim=True) if age(result) else ""
        yield f"        - {new}{_label(result)}: {printable(result.message)}{known}"
        if said := annotated(result):
            yield f"          {printable(said)}"


def _more(excerpt: RuleExcerpt) -> str:
    unlisted = sum(result.is_new for result in excerpt.rest)
    new = f", {unlisted} new" if unlisted else ""
    return f"          … and {len(excerpt.rest)} more of {printable(excerpt.rule.id)}{new}"


def _incorrect(results: Sequence[Result], where: str) -> Iterator[str]:
    """Yield the findings of which someone says that the tool is wrong, for whoever reports them."""
    if results:
        yield ""
        yield "Reported as incorrect: please report these to the tool's maintainers"
    for result in results[:MOST]:
        comment = "" if result.annotation is UNSET else result.annotation.comment
        yield f"        - {printable(f'{result.rule_id} on {label(result.resource)}: {comment}')}"
    if len(results) > MOST:
        yield f"          … and {len(results) - MOST} more, {where}"


def _inconclusive(groups: Sequence[Sequence[Cause]], where: str) -> Iterator[str]:
    """Yield what could not be evaluated, one line per reason."""
    rule = None
    for group in groups[:MOST]:
        cause = group[0]
        if (cause.rule.id, cause.status) != rule:
            rule = (cause.rule.id, cause.status)
            others = f" and {plural(len(group) - 1, 'more rule')}" if len(group) > 1 else ""
            yield ""
            label = click.style(f"{cause.status:<8}", fg="yellow")
            yield f"{label}  {printable(plain(cause.rule.title))}  {click.style(cause.rule.id, dim=True)}{others}"
        yield f"        - {printable(f'{_places(group)}: {cause.reason}')}"
    if len(groups) > MOST:
        rest = sum(len(cause.results) for group in groups[MOST:] for cause in group)
        yield f"          … and {rest} more unknown, {where}"


def _places(group: Sequence[Cause]) -> str:
    """Return what verdicts with the same reason are about: `all addons, all services and 7 more`."""
    places = list(dict.fromkeys(cause.where for cause in group))
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return ", ".join(places[:MOST_PLACES]) + more


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


def _not_configured(report: Report, where: str) -> Iterator[str]:
    """Yield the rules that did not run because a required parameter is empty."""
    for rule in report.not_configured[:MOST_UNSET]:
        yield printable(f"not configured: {rule.id}: {rule.why}")
    if len(report.not_configured) > MOST_UNSET:
        yield f"… and {len(report.not_configured) - MOST_UNSET} more not configured, {where}"


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
