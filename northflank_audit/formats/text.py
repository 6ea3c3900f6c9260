"""Wording that the readable formats share."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.model import ACCOUNT_TYPE, ResourceName, Result, Status, Waiver, whose
from northflank_audit.printable import printable
from northflank_audit.report import Coverage, Report
from northflank_audit.resolution import RESOLVED, Became
from northflank_audit.resources import TYPES

THE_ACCOUNT: Final = "the account"
OWN_ACCOUNT: Final = "the token's own account"
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
    """Put new results first, so that they survive when a list is cut; both groups keep their order."""
    return sorted(results, key=lambda result: result.state != "new")


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


def identity(resource: ResourceName) -> str:
    """Return a resource's id, after its team's and its project's if it has them: `pull`, `payments/shop/db`.

    For a whole list that could not be read: `all addons of project shop`.
    """
    if resource.id is None:
        return f"all {type_names(resource.type).plural}{whose(resource.team, resource.project)}"
    return "/".join(filter(None, (resource.team, resource.project, resource.id)))


def teamless(resource: ResourceName) -> str:
    """Return the same without the team: `shop/db`."""
    return identity(replace(resource, team=None))


def account_name(team: str | None) -> str:
    """Return the name of an account: `the token's own account`, `team payments`."""
    return OWN_ACCOUNT if team is None else f"team {team}"


def label(resource: ResourceName) -> str:
    """Return what identifies a resource among its type: `pull`, `payments/pull`, `team payments`."""
    if resource.type == ACCOUNT_TYPE:
        return THE_ACCOUNT if resource.team is None else f"team {resource.team}"
    return identity(resource)


def full_label(resource: ResourceName) -> str:
    """Return what identifies a resource: `addon payments/shop/db`, `team payments`."""
    plain = resource.type == ACCOUNT_TYPE or resource.id is None
    return label(resource) if plain else f"{type_names(resource.type).singular} {label(resource)}"


def narrowed(waiver: Waiver) -> str:
    """Return the further conditions of a waiver: ` of the token's own account`; empty if it has none."""
    kind = "" if waiver.type is UNSET else f" ({type_names(waiver.type).singular})"
    project = "" if waiver.project is UNSET else f" in project {waiver.project}"
    team = "" if waiver.team is UNSET else f" of {account_name(waiver.team)}"
    return kind + project + team


def result_line(result: Result) -> str:
    """Return a result as one line: its resource, its status if it is not a violation, and its message."""
    return ": ".join([full_label(result.resource), *qualifiers(result), result.message])


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
    always = [f"{comparison.new} new", f"{comparison.ongoing} ongoing", f"{comparison.resolved} resolved"]
    besides = {
        "unsettled": comparison.unsettled,
        "newly waived": comparison.waived,
        "no longer waived": comparison.unwaived,
    }
    return always + [f"{count} {what}" for what, count in besides.items() if count]


def moment(when: dt.datetime) -> str:
    """Return a time to the minute, UTC."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def listed(parts: Sequence[str]) -> str:
    """Return parts separated by commas, with `and` before the last."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
