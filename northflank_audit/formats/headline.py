"""Sums up a report in a word, a title or a sentence."""

from collections import Counter
from enum import StrEnum

from northflank_audit.formats.text import MOST_TYPES, THE_ACCOUNT, listed, many, plural, type_names
from northflank_audit.model import ACCOUNT_TYPE
from northflank_audit.report import Report


class Outcome(StrEnum):
    """The outcome of an audit, in a word."""

    VIOLATED = "VIOLATED"
    PASSED = "PASSED"
    INCONCLUSIVE = "INCONCLUSIVE"
    """Complete, but no rule passed or failed on anything."""
    INCOMPLETE = "INCOMPLETE"


def outcome(report: Report) -> Outcome:
    """Return the report's outcome; an incomplete one neither passes nor fails."""
    if not report.run.complete:
        return Outcome.INCOMPLETE
    if report.summary.fail:
        return Outcome.VIOLATED
    return Outcome.INCONCLUSIVE if report.summary.inconclusive else Outcome.PASSED


def title(report: Report) -> str:
    """Return a title for a subject line: `3 violations`."""
    violations = plural(report.summary.fail, "violation") if report.summary.fail else "No violations"
    nothing = _nothing(report)
    if report.run.complete:
        return "Nothing could be evaluated" if report.summary.inconclusive else violations
    if nothing:
        return f"INCOMPLETE: {nothing.lower()}"
    return f"INCOMPLETE: {violations.lower()}{' found so far' * report.run.has_gaps}"


def headline(report: Report) -> str:
    """Return the report's outcome in a sentence that anyone understands."""
    summary = report.summary
    violations = f"{plural(summary.fail, 'violation')} on {_violating(report)}" if summary.fail else ""
    if nothing := _nothing(report):
        return nothing if report.saw_nothing else f"{nothing} on {_audited(report)}"
    if report.run.has_gaps:
        so_far = f"so far it found {violations or 'no violation'}"
        return f"The audit could not see or evaluate everything; {so_far}" + _exempt(report)
    return (violations or _clean(report)) + _undelivered(report) + _exempt(report)


def brief_headline(report: Report) -> str:
    """Return the violations by severity, to follow the outcome: `3 violations: 1 high, 2 low`."""
    if report.summary.inconclusive or _nothing(report):
        sentence = headline(report)
        return sentence[:1].lower() + sentence[1:]
    summary = report.summary
    counts = [f"{count} {severity}" for severity, count in reversed(summary.fail_by_severity.items()) if count]
    violations = f"{plural(summary.fail, 'violation')}: {', '.join(counts)}" if counts else "no violation"
    waived = f" ({summary.waived} waived)" if summary.waived else ""
    seen = " in what could be seen" if report.run.has_gaps else _undelivered(report)
    return violations + waived + seen + _exempt(report)


def _exempt(report: Report) -> str:
    """Return how many violations do not count because they are ongoing; empty if none."""
    count = report.gate.not_counted
    return f"; {plural(count, 'ongoing violation')} {'does' if count == 1 else 'do'} not count" if count else ""


def _undelivered(report: Report) -> str:
    """Return that a report that is otherwise complete was not delivered everywhere; empty if it was."""
    return "" if report.run.complete else ", but not everything could be delivered"


def _nothing(report: Report) -> str:
    """Return that an incomplete audit saw or evaluated nothing at all; empty if it did."""
    if not report.run.has_gaps or not (report.saw_nothing or report.summary.inconclusive):
        return ""
    return "Nothing could be seen" if report.saw_nothing else "Nothing could be evaluated"


def no_violation(report: Report) -> str:
    """Return the text for an empty list of violations."""
    if not report.run.has_gaps:
        return "Nothing was evaluated." if report.summary.inconclusive else "None."
    return f"{_nothing(report) or 'None in what could be seen and evaluated'}."


def _clean(report: Report) -> str:
    """Return that nothing is violated, and by how many resources."""
    summary = report.summary
    if report.saw_nothing:
        return f"There is no {the_type(report)} to check"
    inconclusive = summary.unknown + summary.error
    if report.summary.inconclusive:
        return (
            f"Nothing could be evaluated on {_audited(report)}"
            if inconclusive
            else f"No rule applies to {_audited(report)}"
        )
    besides = [f"{summary.waived} waived"] if summary.waived else []
    besides += [f"{inconclusive} could not be evaluated"] if inconclusive else []
    return ", ".join([f"No violations on {_audited(report)}", *besides])


def _audited(report: Report) -> str:
    """Return how many resources of each type, and accounts, were audited."""
    kinds_ = _of_types(report)
    if len(kinds_) > MOST_TYPES:
        parts = [f"{plural(sum(kinds_.values()), 'resource')} of {len(kinds_)} types"]
    else:
        parts = [many(count, kind) for kind, count in kinds_.items()]
    return listed([*parts, *filter(None, [_accounts(report)])])


def _violating(report: Report) -> str:
    """Return how many resources of each type, and how many accounts, have violations."""
    by_type = Counter(kind for kind, *_ in {each.resource.identity for each in report.results if each.violates})
    accounts = by_type.pop(ACCOUNT_TYPE, 0)
    audited = _of_types(report)
    if len(audited) > MOST_TYPES:
        on = [f"{by_type.total()} of {plural(sum(audited.values()), 'resource')} of {len(audited)} types"]
    else:
        on = [f"{by_type[kind]} of {many(count, kind)}" for kind, count in audited.items() if by_type[kind]]
    if accounts:
        every = _accounts(report)
        on.append(every if every == THE_ACCOUNT else f"{accounts} of {every}")
    return " and on ".join(on)


def _of_types(report: Report) -> dict[str, int]:
    """Return how many resources of each type were evaluated, accounts aside."""
    return {kind: count for kind, count in report.resource_counts.items() if kind != ACCOUNT_TYPE}


def the_type(report: Report) -> str:
    """Return a noun for the audited resources: `addon`; `resource` for several types."""
    audited = _of_types(report)
    return type_names(next(iter(audited))).singular if len(audited) == 1 else "resource"


def _accounts(report: Report) -> str:
    """Return how many accounts were evaluated; 0 if no rule was about accounts."""
    count = report.resource_counts.get(ACCOUNT_TYPE, 0)
    return THE_ACCOUNT if count == 1 else many(count, ACCOUNT_TYPE) if count else ""


def explanation(report: Report) -> str:
    """Return the reason for the verdict, and so for the exit code."""
    code = f"Exit code {report.exit_code}"
    if not report.run.complete:
        why = "everything was seen and evaluated, but not everything could be delivered."
        if report.run.has_gaps:
            why = "the audit is incomplete. What is listed was found; the rest is unknown."
        return f"{code}: {why}"
    if report.summary.inconclusive:
        return f"{code}: the audit is complete, but no rule passed or failed on anything."
    return f"{code}: the audit is complete, and {_why(report)}"


def _why(report: Report) -> str:
    """Return why a complete audit has its exit code."""
    summary, gate = report.summary, report.gate
    count = "violations that --fail-on-new counts," if gate.fail_on_new else "violations"
    if report.exit_code:
        return f"there are {count} at or above the severity that fails an audit (--fail-on)."
    if gate.not_counted and gate.not_counted == summary.fail:
        return "every violation is ongoing, and only new ones fail this audit (--fail-on-new)."
    if summary.fail:
        besides = "ongoing, or " if gate.not_counted else ""
        return f"every violation is {besides}below the severity that fails an audit (--fail-on)."
    if summary.unknown or summary.error:
        return "no violation was found. What could not be evaluated does not count (--on-unknown ignore)."
    return "every violation is waived." if summary.waived else "nothing is violated."
