"""Wording that the readable formats share."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from northflank_audit.model import ACCOUNT_TYPE, ResourceName, Result, Status, account_name, whose
from northflank_audit.periods import rough
from northflank_audit.printable import printable
from northflank_audit.remarks import Annotation, Remark
from northflank_audit.report import Coverage, Report
from northflank_audit.resolution import RESOLVED, Became
from northflank_audit.resources import TYPES

THE_ACCOUNT: Final = "the account"
MOST_TYPES: Final = 3
"""Types that a sentence names; more are counted."""

STATUSES: Final = {
    "pass": "pass",
    "fail": "fail",
    "waived": "waived",
    "unknown": "unknown",
    "error": "error",
    "notapplicable": "not applicable",
}
"""The counted statuses in the order in which they are shown, with their names."""

BECAME: Final = {
    Became.FIXED: "fixed",
    Became.NOTAPPLICABLE: "no longer applicable",
    Became.GONE: "gone",
    Became.UNKNOWN: "could not be evaluated",
    Became.UNSEEN: "not seen",
    Became.UNAUDITED: "account not audited",
    Became.UNASKED: "rule did not run",
}
"""The fate of an earlier report's violation, in words."""


def as_json(value: Any) -> str:
    """Return a value of the evidence as JSON, safe to show."""
    return printable(msgspec.json.encode(value).decode())


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun; `many` is the plural if it is not formed with `s`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """Return a text with a capital first letter, otherwise unchanged."""
    return text[:1].upper() + text[1:]


def new_first(results: Iterable[Result]) -> list[Result]:
    """Put new results first, so that they survive when a list is cut, and overdue ones first in both groups."""
    return sorted(results, key=lambda result: (not result.is_new, result.overdue is not True))


def age(result: Result) -> str:
    """Return how long a violation has been open, by the history: `open for 12 days`."""
    if result.first_seen is UNSET or result.last_seen is UNSET or result.state == "new":
        return ""
    if result.became is not UNSET:
        return f"seen from {moment(result.first_seen)} to {moment(result.last_seen)}"
    long = rough(result.last_seen - result.first_seen)
    return f"reopened, first seen {long} ago" if result.state == "reopened" else f"open for {long}"


def seen_times(result: Result) -> dict[str, str]:
    """Return when a violation was first and last seen, by the names of the JSON report; nothing without a history."""
    times = {"firstSeen": result.first_seen, "openSince": result.open_since, "lastSeen": result.last_seen}
    return {name: f"{time:%Y-%m-%dT%H:%M:%SZ}" for name, time in times.items() if time is not UNSET}


def counted(counts: Mapping[str, int]) -> list[str]:
    """Return the counts of verdicts that are not 0: `41 pass`, `2 waived`."""
    return [f"{counts[key]} {name}" for key, name in STATUSES.items() if counts.get(key)]


def pages_read(coverage: Coverage) -> str:
    """Return how many pages were read, and how many resources the API counted on them."""
    if not coverage.pages:
        return "no page"
    held = "" if coverage.count is None else f" (the API counted {plural(coverage.count, 'resource')})"
    return plural(coverage.pages, "page") + held


class TypeNames(NamedTuple):
    """The names of a resource type for people."""

    singular: str
    plural: str
    collection: str
    """As a step of a path: `registry-credentials`."""


def type_names(kind: str) -> TypeNames:
    """Return a type's names for people; for a type that only another version of this tool has, its id."""
    declaration = TYPES.get(kind)
    if declaration is None:
        return TypeNames(kind, f"{kind}s", f"{kind}s")
    return TypeNames(declaration.singular, declaration.plural, declaration.collection.replace("_", "-"))


def many(count: int, kind: str) -> str:
    """Return a count of a type: `1 addon`, `3 backup destinations`."""
    return plural(count, type_names(kind).singular, type_names(kind).plural)


def kinds(results: Iterable[Result], between: str, *, one: bool = True) -> str:
    """Return the types of results: `addon`, `addon or account`; for more than a few types, `resource`."""
    types = dict.fromkeys(each.resource.type for each in results)
    if not 0 < len(types) <= MOST_TYPES:
        return "resource" if one else "resources"
    return between.join(type_names(kind).singular if one else type_names(kind).plural for kind in _ordered(types))


def _ordered(types: Iterable[str]) -> list[str]:
    """Return types in the order of sentences: accounts last."""
    return sorted(types, key=lambda kind: (kind == ACCOUNT_TYPE, kind))


def label(resource: ResourceName) -> str:
    """Return what identifies a resource among its type, in every format: `pull`, `payments/shop/db`.

    Its team and project precede its id, if it has them. An account is `team payments` or the token's own account; a
    whole list that could not be read is `all addons of project shop`.
    """
    if resource.type == ACCOUNT_TYPE:
        return account_name(resource.team)
    if resource.id is None:
        return f"all {type_names(resource.type).plural}{whose(resource.team, resource.project)}"
    return "/".join(filter(None, (resource.team, resource.project, resource.id)))


def full_label(resource: ResourceName) -> str:
    """Return what identifies a resource: `addon payments/shop/db`, `team payments`."""
    plain = resource.type == ACCOUNT_TYPE or resource.id is None
    return label(resource) if plain else f"{type_names(resource.type).singular} {label(resource)}"


def annotation_words(annotation: Annotation) -> str:
    """Return who fixes a finding by when, or that the tool is wrong about it: `ops@a.example, due 2026-12-01: why`."""
    due = "" if annotation.due is UNSET else f"due {annotation.due}"
    called = "reported as incorrect" if annotation.incorrect else ""
    said = ", ".join(filter(None, [called, annotation.owner, due]))
    return ": ".join(filter(None, [said, annotation.comment]))


def annotated(result: Result) -> str:
    """Return a result's annotation in words, and whether it is overdue; empty without one."""
    if result.annotation is UNSET:
        return ""
    return ("overdue: " if result.overdue is True else "") + annotation_words(result.annotation)


def annotation_counts(report: Report) -> list[str]:
    """Return how many findings are overdue, and how many reported as incorrect; empty if none."""
    found = report.annotations
    if found is UNSET:
        return []
    counts = (
        (found.overdue, plural(found.overdue, "finding is", "findings are") + " overdue"),
        (found.incorrect, plural(found.incorrect, "is", "are") + " reported as incorrect"),
    )
    return [said for count, said in counts if count]


def unused_annotations(report: Report) -> list[str]:
    """Return a sentence for each annotation without a finding."""
    unused = [] if report.annotations is UNSET else report.annotations.unused
    named = [(f"{each.rule} for {each.resource}{narrowed(each)}", annotation_words(each)) for each in unused]
    return [f"The annotation of {what} is about no finding ({said})" for what, said in named]


def narrowed(remark: Remark) -> str:
    """Return the further conditions of a remark: ` of the token's own account`; empty if it has none."""
    kind = "" if remark.type is UNSET else f" ({type_names(remark.type).singular})"
    project = "" if remark.project is UNSET else f" in project {remark.project}"
    team = "" if remark.team is UNSET else f" of {account_name(remark.team)}"
    return kind + project + team


def result_line(result: Result) -> str:
    """Return a result as one line: its resource, its status if it is not a violation, its message, and its age."""
    return ": ".join([full_label(result.resource), *qualifiers(result), result.message]) + besides(result)


def besides(result: Result) -> str:
    """Return what is said of a result after its message: ` (open for 12 days; overdue: ...)`; empty for nothing."""
    said = "; ".join(filter(None, [age(result), annotated(result)]))
    return f" ({said})" if said else ""


def qualifiers(result: Result) -> list[str]:
    """Return the status of a result that is not a current violation; empty for a violation."""
    if result.became is not UNSET:
        outcome = "resolved" if result.became in RESOLVED else "now unknown"
        return [f"violated before, {outcome} ({BECAME[result.became]})"]
    if result.waiver is not None:
        return [f"waived until {result.waiver.expires}"]
    return [] if result.status is Status.FAIL else [STATUSES[result.status]]


def reasons(report: Report) -> list[str]:
    """Return why the audit is incomplete, at least one reason; empty if it is complete."""
    run = report.run
    return [] if run.complete else run.incomplete_reasons or ["no reason was given"]


def missing(report: Report) -> tuple[str, str]:
    """Return a heading for the reasons of an incomplete audit, and the consequence."""
    if report.run.has_gaps and report.saw_nothing:
        return "What is missing", "Nothing is known: what was to be audited may comply or not."
    if report.run.has_gaps:
        rest = "The rest is unknown: it may comply or not."
        return "What is missing", f"What is listed below was found. {rest}"
    return "What could not be delivered", "Everything was seen and evaluated, and is listed below."


def changes(report: Report) -> list[str]:
    """Return what changed since the earlier report: `1 new`, `3 ongoing`; empty if nothing was compared."""
    comparison = report.comparison
    if comparison is UNSET or comparison.refused is not None:
        return []
    again = reopened(report)
    always = [f"{comparison.new - again} new", *([f"{again} reopened"] if again else [])]
    always += [f"{comparison.ongoing} ongoing", f"{comparison.resolved} resolved"]
    further = {
        "unsettled": comparison.unsettled,
        "newly waived": comparison.waived,
        "no longer waived": comparison.unwaived,
    }
    return always + [f"{count} {what}" for what, count in further.items() if count]


def reopened(report: Report) -> int:
    """Count the violations, not waived, that were resolved before; a comparison counts them as new."""
    return sum(each.violates and each.state == "reopened" for each in report.results)


def moment(when: dt.datetime) -> str:
    """Return a time to the minute, UTC."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def listed(parts: Sequence[str]) -> str:
    """Return parts separated by commas, with `and` before the last."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
