"""Finds findings of a report to waive or annotate."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from northflank_audit.audit.baseline_reading import read_report
from northflank_audit.errors import StartError, did_you_mean
from northflank_audit.model import Result
from northflank_audit.printable import printable

SHORTEST: Final = 8
"""Hexadecimal digits of a fingerprint that are enough to name it."""

Refusal = Callable[[Result], str | None]
"""Returns why nothing can be added for a result; None if it can."""


class Selection(NamedTuple):
    """Findings of a report."""

    named: list[Result]
    """Those that were named by their fingerprints."""
    of_rules: list[Result]
    """The others, of rules that were named."""


def selected(report: str, fingerprints: Sequence[str], rules: Sequence[str], refusal: Refusal) -> Selection:
    """Return the named findings of a report. Raises StartError for one for which nothing can be added.

    Of a named rule, such findings are skipped; it must have others.
    """
    if not fingerprints and not rules:
        raise StartError("name a fingerprint, or a rule with --all-of RULE; the report has them")
    earlier = read_report(report, "--report")
    named: dict[str, Result] = {}
    for given in fingerprints:
        result = _by_fingerprint(given, earlier.results, report)
        if why := refusal(result):
            raise StartError(f"{report}: {why}")
        named[result.fingerprint] = result
    ids = [rule.id for rule in earlier.rules]
    others: dict[str, Result] = {}
    for rule in rules:
        if rule not in ids:
            raise StartError(f"--all-of {printable(rule)}: {report} has no such rule{did_you_mean(rule, ids)}")
        found = [each for each in earlier.results if each.rule_id == rule and refusal(each) is None]
        if not found:
            raise StartError(f"--all-of {rule}: {report} has no finding of this rule to add it for")
        others |= {each.fingerprint: each for each in found if each.fingerprint not in named}
    return Selection(list(named.values()), list(others.values()))


def _by_fingerprint(given: str, results: Sequence[Result], report: str) -> Result:
    """Return the result whose fingerprint begins so; the HTML report shows it with a # in front."""
    fingerprint = given.strip().removeprefix("#")
    if len(fingerprint) < SHORTEST:
        raise StartError(f"give at least the first {SHORTEST} digits of a fingerprint; {report} has them")
    found = [each for each in results if each.fingerprint.startswith(fingerprint.lower())]
    if not found:
        raise StartError(f"{report}: no result has the fingerprint {printable(fingerprint)}; is it an older report?")
    if len(found) > 1:
        choices = ", ".join(f"{each.fingerprint} ({each.resource.id})" for each in found)
        raise StartError(f"{report}: several results begin with {fingerprint}: {printable(choices)}")
    return found[0]


def checked_text(option: str, text: str, one: str) -> str:
    """Return an option's text without surrounding whitespace. Raises StartError if it is empty."""
    if not text.strip():
        raise StartError(f"{option}: required for {one}")
    if any("\ud800" <= character <= "\udfff" for character in text):  # bytes of the command line that are not text
        raise StartError(f"{option}: not UTF-8 text")
    return text.strip()


def today() -> dt.date:
    """Return the day, UTC."""
    return dt.datetime.now(dt.UTC).date()


def checked_day(option: str, text: str) -> dt.date:
    """Return an option's day. Raises StartError for anything else."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise StartError(f"{option}: '{printable(text)}' is not a date such as 2027-01-31") from None
