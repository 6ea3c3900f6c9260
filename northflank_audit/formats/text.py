"""Words: what people's formats say of a report, and how they show what others wrote."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from northflank_audit.model import ACCOUNT_TYPE, RESOLVED, Became, ResourceName, Result, Status, Waiver
from northflank_audit.printable import printable
from northflank_audit.report import Coverage, Report
from northflank_audit.resources import TYPES

THE_ACCOUNT: Final = "the account"
MOST_TYPES: Final = 3
"""Types that a sentence names; of more it says how many."""

STATUSES: Final = {
    "pass": "pass",
    "fail": "fail",
    "waived": "waived",
    "unknown": "unknown",
    "error": "error",
    "notapplicable": "not applicable",
}
"""What is counted, in the order in which it is shown, and how it is called."""

BECAME: Final = {
    Became.FIXED: "fixed",
    Became.NOTAPPLICABLE: "no longer applicable",
    Became.GONE: "gone",
    Became.UNKNOWN: "could not be judged",
    Became.UNSEEN: "not seen",
    Became.UNAUDITED: "account not audited",
    Became.UNASKED: "rule did not run",
}
"""What became of an earlier report's violation, in words."""


class Outcome(StrEnum):
    """What an audit amounts to, in a word."""

    VIOLATED = "VIOLATED"
    PASSED = "PASSED"
    INCONCLUSIVE = "INCONCLUSIVE"
    """Complete, but nothing was judged: no rule passed or failed on anything."""
    INCOMPLETE = "INCOMPLETE"


def as_json(value: Any) -> str:
    """Return a value of the evidence as JSON, safe to show."""
    return printable(msgspec.json.encode(value).decode())


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun; `many` where an `s` does not make the plural."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def new_first(results: Iterable[Result]) -> list[Result]:
    """Put what is new before the rest, so that it is seen where a list is cut; both keep their order."""
    return sorted(results, key=lambda result: result.state != "new")


def counted(counts: Mapping[str, int]) -> list[str]:
    """Return how verdicts fell, less those that there are none of: `41 pass`, `2 waived`."""
    return [f"{counts[key]} {name}" for key, name in STATUSES.items() if counts.get(key)]


def pages_read(coverage: Coverage) -> str:
    """Return how many pages were read, and how many resources they say that they hold."""
    if not coverage.pages:
        return "no page"
    held = "" if coverage.count is None else f" (the API counted {plural(coverage.count, 'resource')})"
    return plural(coverage.pages, "page") + held


class Words(NamedTuple):
    """What people call a type of resource."""

    singular: str
    plural: str
    collection: str
    """As a step of a path: `registry-credentials`."""


def words(kind: str) -> Words:
    """Return what people call a type; for one that only another version of this tool knows, its name."""
    known = TYPES.get(kind)
    if known is None:
        return Words(kind, f"{kind}s", f"{kind}s")
    return Words(known.singular, known.plural, known.collection.replace("_", "-"))


def many(count: int, kind: str) -> str:
    """Return how many there are of a type: `1 addon`, `3 backup destinations`."""
    return plural(count, words(kind).singular, words(kind).plural)


def kinds(results: Iterable[Result], between: str, *, one: bool = True) -> str:
    """Return what results are about: `addon`, `addon or account`; of more than a few types, `resource`."""
    found = dict.fromkeys(each.resource.type for each in results)
    if not 0 < len(found) <= MOST_TYPES:
        return "resource" if one else "resources"
    return between.join(words(kind).singular if one else words(kind).plural for kind in _ordered(found))


def _ordered(found: Iterable[str]) -> list[str]:
    """Put types in the order of words: accounts last."""
    return sorted(found, key=lambda kind: (kind == ACCOUNT_TYPE, kind))


def identity(resource: ResourceName) -> str:
    """Return a resource's id, below its team's and its project's where it has them: `pull`, `payments/shop/db`.

    Where a whole list could not be read, it says so: `all addons of project shop`.
    """
    if resource.id is None:
        project = f" of project {resource.project}" if resource.project else ""
        team = f" of team {resource.team}" if resource.team else ""
        return f"all {words(resource.type).plural}{project}{team}"
    return "/".join(filter(None, (resource.team, resource.project, resource.id)))


def label(resource: ResourceName) -> str:
    """Return what tells a resource from all others of its type: `pull`, `payments/pull`, `team payments`."""
    if resource.type == ACCOUNT_TYPE:
        return THE_ACCOUNT if resource.team is None else f"team {resource.team}"
    return identity(resource)


def full_label(resource: ResourceName) -> str:
    """Return what tells a resource from all others: `addon payments/shop/db`, `team payments`."""
    plain = resource.type == ACCOUNT_TYPE or resource.id is None
    return label(resource) if plain else f"{words(resource.type).singular} {label(resource)}"


def narrowed(waiver: Waiver) -> str:
    """Return what a waiver is about besides its rule and resource: ` of the token's own account`; nothing if any."""
    kind = "" if waiver.type is UNSET else f" ({words(waiver.type).singular})"
    project = "" if waiver.project is UNSET else f" in project {waiver.project}"
    team = (
        ""
        if waiver.team is UNSET
        else " of the token's own account"
        if waiver.team is None
        else f" of team {waiver.team}"
    )
    return kind + project + team


def told(result: Result) -> str:
    """Return a result in a line that stands alone: what it is about, what it is if no violation, and its message."""
    return ": ".join([full_label(result.resource), *standing(result), result.message])


def standing(result: Result) -> list[str]:
    """Return what a result is if no violation of today; nothing where it is one."""
    if result.became is not UNSET:
        known = "resolved" if result.became in RESOLVED else "not known today"
        return [f"violated before, {known} ({BECAME[result.became]})"]
    if result.waiver is not None:
        return [f"waived until {result.waiver.expires}"]
    return [] if result.status is Status.FAIL else [STATUSES[result.status]]


def reasons(report: Report) -> list[str]:
    """Return why the audit is incomplete, at least one; nothing where it is complete."""
    run = report.run
    return [] if run.complete else run.incomplete_reasons or ["no reason was given"]


def missing(report: Report) -> tuple[str, str]:
    """Return what the reasons of an incomplete audit are called, and what follows from them."""
    if report.run.blind and report.saw_nothing:
        return "What is missing", "Nothing can be said: what was to be audited may be sound or not."
    if report.run.blind:
        rest = "Of the rest nothing can be said: it may be sound or not."
        return "What is missing", f"What is listed below was found. {rest}"
    return "What could not be delivered", "Everything was seen and judged, and is told below."


def changes(report: Report) -> list[str]:
    """Return what changed since the earlier report: `1 new`, `3 ongoing`; nothing where nothing was compared."""
    found = report.comparison
    if found is UNSET or found.refused is not None:
        return []
    always = [f"{found.new} new", f"{found.ongoing} ongoing", f"{found.resolved} resolved"]
    besides = {"unsettled": found.unsettled, "newly waived": found.waived, "no longer waived": found.unwaived}
    return always + [f"{count} {what}" for what, count in besides.items() if count]


def moment(when: dt.datetime) -> str:
    """Return a time to the minute, UTC."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def outcome(report: Report) -> Outcome:
    """Return the report's outcome; an incomplete one neither passes nor fails."""
    if not report.run.complete:
        return Outcome.INCOMPLETE
    if report.summary.fail:
        return Outcome.VIOLATED
    return Outcome.INCONCLUSIVE if report.judged_nothing else Outcome.PASSED


def title(report: Report) -> str:
    """Return what the report says, for a subject line: `3 violations`."""
    violations = plural(report.summary.fail, "violation") if report.summary.fail else "No violations"
    nothing = _nothing(report)
    if report.run.complete:
        return "Nothing could be judged" if report.judged_nothing else violations
    if nothing:
        return f"INCOMPLETE: {nothing.lower()}"
    return f"INCOMPLETE: {violations.lower()}{' found so far' * report.run.blind}"


def headline(report: Report) -> str:
    """Return what the report says, in a sentence that anyone understands."""
    summary = report.summary
    found = f"{plural(summary.fail, 'violation')} on {_violating(report)}" if summary.fail else ""
    if nothing := _nothing(report):
        return nothing if report.saw_nothing else f"{nothing} on {_audited(report)}"
    if report.run.blind:
        return f"The audit could not see or judge everything; so far it found {found or 'no violation'}"
    return (found or _clean(report)) + ("" if report.run.complete else ", but not everything could be delivered")


def _nothing(report: Report) -> str:
    """Say of an incomplete audit that it saw or judged nothing at all; nothing where it did."""
    if not report.run.blind or not (report.saw_nothing or report.judged_nothing):
        return ""
    return "Nothing could be seen" if report.saw_nothing else "Nothing could be judged"


def no_violation(report: Report) -> str:
    """Say that there is no violation to list."""
    if not report.run.blind:
        return "Nothing was judged." if report.judged_nothing else "None."
    return f"{_nothing(report) or 'None in what could be seen and judged'}."


def _clean(report: Report) -> str:
    """Say that nothing is violated, and of what."""
    summary = report.summary
    if report.saw_nothing:
        return f"There is no {the_type(report)} to check"
    unjudged = summary.unknown + summary.error
    if report.judged_nothing:
        return (
            f"Nothing could be judged on {_audited(report)}" if unjudged else f"No rule applies to {_audited(report)}"
        )
    besides = [f"{summary.waived} waived"] if summary.waived else []
    besides += [f"{unjudged} could not be judged"] if unjudged else []
    return ", ".join([f"No violations on {_audited(report)}", *besides])


def _audited(report: Report) -> str:
    """Return how many resources of each type, and accounts, were audited."""
    kinds_ = _of_types(report)
    if len(kinds_) > MOST_TYPES:
        said = [f"{plural(sum(kinds_.values()), 'resource')} of {len(kinds_)} types"]
    else:
        said = [many(count, kind) for kind, count in kinds_.items()]
    return listed([*said, *filter(None, [_accounts(report)])])


def _violating(report: Report) -> str:
    """Return on how many resources of each type there are violations, and on how many accounts, if there are any."""
    found = Counter(kind for kind, *_ in {each.resource.identity for each in report.results if each.violates})
    accounts = found.pop(ACCOUNT_TYPE, 0)
    audited = _of_types(report)
    if len(audited) > MOST_TYPES:
        on = [f"{found.total()} of {plural(sum(audited.values()), 'resource')} of {len(audited)} types"]
    else:
        on = [f"{found[kind]} of {many(count, kind)}" for kind, count in audited.items() if found[kind]]
    if accounts:
        every = _accounts(report)
        on.append(every if every == THE_ACCOUNT else f"{accounts} of {every}")
    return " and on ".join(on)


def _of_types(report: Report) -> dict[str, int]:
    """Return how many resources of each type were judged, accounts aside."""
    return {kind: count for kind, count in report.judged.items() if kind != ACCOUNT_TYPE}


def the_type(report: Report) -> str:
    """Return what the audited resources are called: `addon`; `resource` where they are of several types."""
    audited = _of_types(report)
    return words(next(iter(audited))).singular if len(audited) == 1 else "resource"


def listed(parts: Sequence[str]) -> str:
    """Return parts with commas, and an `and` before the last."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _accounts(report: Report) -> str:
    """Return how many accounts were judged as such; nothing where no rule was about them."""
    count = report.judged.get(ACCOUNT_TYPE, 0)
    return THE_ACCOUNT if count == 1 else plural(count, "account") if count else ""


def explanation(report: Report) -> str:
    """Return how the verdict, and so the exit code, came about."""
    summary = report.summary
    code = f"Exit code {report.exit_code}"
    if not report.run.complete:
        why = "everything was seen and judged, but not everything could be delivered."
        if report.run.blind:
            why = "the audit is incomplete. What is listed was found; of the rest nothing can be said."
        return f"{code}: {why}"
    if report.judged_nothing:
        return f"{code}: the audit is complete, but it judged nothing: no rule passed or failed on anything."
    if report.exit_code:
        why = "there are violations at or above the severity that fails an audit (--fail-on)."
    elif summary.fail:
        why = "every violation is below the severity that fails an audit (--fail-on)."
    elif summary.unknown or summary.error:
        why = "no violation was found. What could not be judged was set aside (--on-unknown ignore)."
    else:
        why = "every violation is waived." if summary.waived else "nothing is violated."
    return f"{code}: the audit is complete, and {why}"
