import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.formats.headline import explanation, headline, outcome, title
from northflank_audit.formats.text import (
    as_json,
    counted,
    kinds,
    label,
    missing,
    moment,
    pages_read,
    plural,
    reasons,
    result_line,
)
from northflank_audit.model import ResourceName
from northflank_audit.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ✓ 日本 👩‍💻", "plain – ✓ 日本 👩‍💻"),
        ("a\r\n\tb\vc", "a b c"),
        ("a\x00b\x1b[31m\x7f\x85\x9b", "a�b�[31m���"),
        ("a\u202eb\u2066c\u200fd\u2028e", "a�b�c�d�e"),
        ("\ud800\ufeff\U000e0041", "���"),
    ],
)
def test_untrusted_text_shows_as_what_it_is(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_printable_text_is_one_line_that_can_be_encoded(text):
    shown = printable(text)
    assert printable(shown) == shown
    assert len(f"x{shown}x".splitlines()) == 1
    shown.encode()


def test_evidence_is_json_on_one_line():
    assert as_json({"a": ["\n", "\u202e", None]}) == '{"a":["\\n","�",null]}'


@pytest.mark.parametrize(("count", "said"), [(0, "0 retries"), (1, "1 retry"), (2, "2 retries")])
def test_plural(count, said):
    assert plural(count, "retry", "retries") == said


def test_times_are_utc():
    assert moment(dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))) == "2025-12-31 23:00 UTC"


def test_a_violated_report(report):
    assert outcome(report) == "VIOLATED"
    assert title(report) == "1 violation"
    assert headline(report) == "1 violation on 1 of 3 registry credentials"
    assert explanation(report) == (
        "Exit code 1: the audit is complete, and there are violations at or above the severity that fails an audit "
        "(--fail-on)."
    )


def test_an_incomplete_report_neither_passes_nor_fails(incomplete, clean):
    assert outcome(incomplete) == "INCOMPLETE"
    assert title(incomplete) == "INCOMPLETE: 1 violation found so far"
    assert headline(incomplete) == (
        "The audit could not see or evaluate everything; so far it found 1 violation on 1 of 3 registry credentials"
    )
    assert explanation(incomplete).startswith("Exit code 3: the audit is incomplete.")
    empty = replace(clean, run=incomplete.run, exit_code=3)
    assert outcome(empty) == "INCOMPLETE"
    assert headline(empty) == "The audit could not see or evaluate everything; so far it found no violation"


def test_a_clean_report(clean):
    assert outcome(clean) == "PASSED"
    assert title(clean) == "No violations"
    assert headline(clean) == "No violations on 3 registry credentials"
    assert explanation(clean) == "Exit code 0: the audit is complete, and nothing is violated."


def test_what_is_waived_or_inconclusive_is_never_passed_over(clean):
    waived = replace(clean, summary=replace(clean.summary, waived=2))
    assert headline(waived) == "No violations on 3 registry credentials, 2 waived"
    assert explanation(waived) == "Exit code 0: the audit is complete, and every violation is waived."
    inconclusive = replace(clean, summary=replace(clean.summary, waived=2, unknown=1, error=1))
    assert headline(inconclusive) == "No violations on 3 registry credentials, 2 waived, 2 could not be evaluated"
    assert "(--on-unknown ignore)" in explanation(inconclusive)


def test_violations_below_the_threshold_are_still_violations(report):
    below = replace(report, exit_code=0)
    assert outcome(below) == "VIOLATED"
    assert explanation(below) == (
        "Exit code 0: the audit is complete, and every violation is below the severity that fails an audit (--fail-on)."
    )


def test_an_account_without_credentials(clean):
    empty = replace(clean, coverage=replace(clean.coverage, resources=0, results=0))
    assert headline(empty) == "There is no registry credential to check"


def test_an_account_is_named_besides_the_credentials(with_account, clean):
    assert headline(with_account) == "2 violations on 1 of 3 registry credentials and on 1 of 2 accounts"
    one = replace(with_account, coverage=replace(with_account.coverage, accounts=1))
    assert headline(one) == "2 violations on 1 of 3 registry credentials and on the account"
    incomplete = replace(one, run=replace(one.run, complete=False))
    assert headline(incomplete).endswith(
        "so far it found 2 violations on 1 of 3 registry credentials and on the account"
    )
    kept = replace(with_account, results=with_account.results[:-1])
    assert headline(kept).endswith("on 1 of 3 registry credentials")
    sound = replace(clean, coverage=replace(clean.coverage, accounts=1, results=7))
    assert headline(sound) == "No violations on 3 registry credentials and the account"
    empty = replace(sound, coverage=replace(sound.coverage, accounts=2, resources=0, results=2))
    assert headline(empty) == "No violations on 0 registry credentials and 2 accounts"


def test_a_credential_that_is_called_like_its_account_is_another(with_account):
    both = replace(
        with_account.results[0], resource=replace(with_account.results[-1].resource, type="registry-credential")
    )
    found = replace(with_account, results=[both, with_account.results[-1]])
    assert headline(found) == "2 violations on 1 of 3 registry credentials and on 1 of 2 accounts"


def test_a_table_says_what_its_results_are_about(with_account):
    assert kinds(with_account.results[:1], " or ") == "registry credential"
    assert kinds(with_account.results[-1:], " and ", one=False) == "accounts"
    assert kinds(with_account.results, " and ", one=False) == "registry credentials and accounts"
    assert kinds([], " or ") == "resource"


@pytest.mark.parametrize("name", ["html", "md"])
def test_a_report_shows_accounts_as_such(with_account, name):
    shown = re.sub(r"<[^>]*>|\s+", " ", FORMATS[name].render(with_account))
    for said in (
        "3 registry credentials × 2 rules + 2 accounts × 1 rule = 8 verdicts",
        "team payments holds more than 100",
    ):
        assert said in shown
    if name == "html":
        assert "3 registry credentials, 2 accounts, 3 rules" in shown
        assert "1 account " in shown and "as a whole" in shown
    else:
        assert "| Account | What was found |" in shown


def test_a_result_is_told_in_a_line_that_stands_alone(full, with_account):
    violated, unknown, waived, passed = full.results
    assert result_line(violated) == "registry credential a: a can be used by every project"
    assert result_line(unknown) == "registry credential c: unknown: c could not be evaluated"
    assert result_line(waived) == "registry credential b: waived until 2027-01-31: b uses quay"
    assert result_line(passed).startswith("registry credential payments/t: pass: ")
    assert (
        result_line(full.resolved[1])
        == "registry credential z: violated before, resolved (gone): z can be used by every project"
    )
    assert result_line(full.unsettled[1]).startswith(
        "registry credential z: violated before, now unknown (rule did not run): "
    )
    assert result_line(with_account.results[-1]) == "team payments: team payments holds more than 100"
    assert label(ResourceName("account", "account", None, None)) == "the token's own account"


def test_an_incomplete_audit_has_a_reason(report, incomplete):
    assert reasons(report) == []
    assert reasons(incomplete) == ["page 2: 403 Forbidden", "1 verdict is unknown"]
    assert len(reasons(replace(incomplete, run=replace(incomplete.run, incomplete_reasons=[])))) == 1


def test_verdicts_that_there_are_none_of_are_not_counted():
    assert counted({"notapplicable": 1, "fail": 0, "pass": 41}) == ["41 pass", "1 not applicable"]


def test_an_audit_that_could_only_not_be_delivered_saw_everything(report, clean):
    lost = "the mail could not be sent"

    def undelivered(each, *reasons):
        run = replace(each.run, complete=False, incomplete_reasons=[*reasons, lost], undelivered=[lost])
        return replace(each, run=run, exit_code=3)

    assert outcome(undelivered(report)) == "INCOMPLETE"
    assert title(undelivered(report)) == "INCOMPLETE: 1 violation"
    said = "1 violation on 1 of 3 registry credentials, but not everything could be delivered"
    assert headline(undelivered(report)) == said
    assert headline(undelivered(clean)).startswith("No violations on 3 registry credentials, but not everything")
    assert explanation(undelivered(report)).endswith(
        "everything was seen and evaluated, but not everything could be delivered."
    )
    assert missing(undelivered(report))[0] == "What could not be delivered"
    both = undelivered(report, "page 2: 403 Forbidden")
    assert headline(both).startswith("The audit could not see or evaluate everything; so far it found 1 violation")
    assert (title(both), missing(both)[0]) == ("INCOMPLETE: 1 violation found so far", "What is missing")


@pytest.mark.parametrize(("pages", "said"), [(0, "no page"), (1, "1 page"), (3, "3 pages")])
def test_how_many_pages_were_read(report, pages, said):
    assert pages_read(replace(report.coverage, pages=pages, count=None)) == said


def test_how_many_credentials_the_pages_count(report):
    assert re.fullmatch(r"2 pages\b.*\b61\b.*", pages_read(replace(report.coverage, pages=2, count=61)))
