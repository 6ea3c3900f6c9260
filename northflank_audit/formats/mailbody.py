"""The report as a mail's HTML and plain text body.

It shows the worst findings and counts the rest, because mail clients cut long mails (Gmail at 102 KB). The attached
report has everything.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import Environment
from markupsafe import Markup
from msgspec import UNSET, UnsetType

from northflank_audit.formats import ruletext
from northflank_audit.formats.subject import whose
from northflank_audit.formats.templating import environment
from northflank_audit.formats.text import (
    BECAME,
    annotation_counts,
    changes,
    label,
    narrowed,
    new_first,
    unused_annotations,
)
from northflank_audit.formats.view import grouped, view
from northflank_audit.inconclusive import causes
from northflank_audit.model import Result
from northflank_audit.printable import mail_text, printable, shortened
from northflank_audit.report import Comparison, Report, RuleSummary

RULES: Final = 6
"""Violated rules that are shown."""
EACH: Final = 5
"""Findings, reasons or warnings of each kind that are shown."""
LONGEST: Final = 400
"""Characters of a text that are shown."""
LONGEST_WORD: Final = 40
"""Characters that are given up so that a text ends after a word."""
WIDTH: Final = 78
"""Columns of the plain text (RFC 5322, 2.1.1)."""


class Excerpt(NamedTuple):
    """The first few items of a list."""

    first: list[Any]
    more: int


class RuleDigest(NamedTuple):
    """A violated rule, with the first few of its violations; new ones come first."""

    rule: RuleSummary
    violations: int
    new: int
    results: Excerpt


def html(report: Report, location: str) -> str:
    """Return the body for mail clients that show HTML; `location` says where the whole report is."""
    return _rendered(mail_templates(html=True), "mail.html.j2", report, location)


def text(report: Report, location: str) -> str:
    """Return the body in plain text, wrapped; `location` says where the whole report is."""
    return _rendered(mail_templates(html=False), "mail.txt.j2", report, location)


def mail_templates(*, html: bool) -> Environment:
    """Return the environment of mails' templates."""
    templates = environment(_printable, html=html)
    templates.filters |= {"fill": fill, "inert": inert, "short": short}
    return templates


def _rendered(templates: Environment, template: str, report: Report, location: str) -> str:
    templates.filters |= {"place": place, "rich": rich, "subject": about}
    findings = grouped(report, new_first(each for each in report.results if each.violates))
    whole = view(report)
    comparison = report.comparison
    return templates.get_template(template).render(
        **{name: whole[name] for name in _VIEWED},
        location=location,
        whose=whose(report),
        reasons=first_few(report.run.incomplete_reasons),
        comparison=None if comparison is UNSET else comparison,
        changes=[change.split(" ", 1) for change in changes(report)],
        changed=_changed(report, comparison),
        became=BECAME,
        headings={rule.id: ruletext.plain(rule.heading) for rule in report.rules},
        findings=[_digest(rule, results) for rule, results in findings[:RULES]],
        more_rules=len(findings[RULES:]),
        more_violations=sum(len(results) for _, results in findings[RULES:]),
        inconclusive=first_few(causes(report.results, report.rules)),
        notes=first_few(_notes(report)),
        annotation_counts=annotation_counts(report),
        incorrect=first_few(whole["incorrect"]),
        unset=first_few(report.not_configured),
    )


_VIEWED: Final = (
    "report", "title", "outcome", "headline", "explanation", "missing", "source", "places", "seconds", "counts", "bars",
    "statuses", "product",
)  # fmt: skip
"""The variables of the shared view that these templates use."""


def _changed(report: Report, comparison: Comparison | UnsetType) -> list[tuple[str, str, Excerpt]]:
    """Return new, reopened, resolved and unsettled findings: a word, its meaning, and the findings."""
    if comparison is UNSET or comparison.refused is not None:
        return []
    violations = [each for each in report.results if each.violates]
    parts = [
        ("New", "", [each for each in violations if each.state == "new"]),
        ("Reopened", "resolved before", [each for each in violations if each.state == "reopened"]),
        ("Resolved", "", report.resolved_results),
        (
            "Unsettled",
            "not resolved: their state is unknown",
            report.unsettled_results,
        ),
    ]
    return [(word, meaning, first_few(results)) for word, meaning, results in parts if results]


def _notes(report: Report) -> Iterator[str]:
    """Yield what else to look at besides findings."""
    yield from report.warnings
    kinds = (("expired on {}", report.waivers.expired), ("matched no violation", report.waivers.unused))
    for what, waivers in kinds:
        for waiver in waivers:
            ended = what.format(waiver.expires)
            yield f"The waiver of {waiver.rule} for {waiver.resource}{narrowed(waiver)} {ended} ({waiver.owner})"
    yield from unused_annotations(report)


def _digest(rule: RuleSummary, results: Sequence[Result]) -> RuleDigest:
    return RuleDigest(rule, len(results), sum(each.is_new for each in results), first_few(results))


def first_few(items: Iterable[Any]) -> Excerpt:
    """Return the first few, and how many more there are."""
    every = list(items)
    return Excerpt(every[:EACH], len(every[EACH:]))


def about(result: Result) -> str:
    """Return what a result is about: `Docker Hub (payments/docker-hub)`."""
    resource = result.resource
    return f"{resource.title} ({label(resource)})" if resource.title else label(resource)


def place(result: Result) -> str:
    """Return the label of a result's resource; the message has the name."""
    return label(result.resource)


def rich(value: str) -> Markup:
    """Return a rule's text as HTML, or as plain text if it is very long."""
    plain = ruletext.plain(value)
    return ruletext.html(value if len(plain) <= LONGEST else short(plain))


def short(value: Any) -> str:
    """Return a text, cut if it is very long, after a word if it has words."""
    text = printable(str(value)).strip()
    words, space, last = shortened(text, LONGEST).rpartition(" ")
    return f"{words} …" if space and len(text) > LONGEST and len(last) < LONGEST_WORD else shortened(text, LONGEST)


def inert(value: Any) -> str:
    """Return outside text in which no mail client makes links: an invisible space breaks addresses."""
    return mail_text(short(value))


def fill(value: str, indent: int = 0, first: str | None = None) -> Markup:
    """Wrap a text into lines, indented by `indent` spaces, the first one by `first` if given."""
    lines = textwrap.fill(
        printable(value).strip(),
        WIDTH,
        initial_indent=" " * indent if first is None else first,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
    return Markup(lines + "\n")  # noqa: S704 - not markup, only line ends


def _printable(value: Any) -> Any:
    return value if isinstance(value, Markup) else printable(str(value))
