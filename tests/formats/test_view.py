import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.formats.link import address
from northflank_audit.formats.view import bars, evidence, product, total, view
from northflank_audit.model import Status


def test_the_verdicts_add_up(report):
    assert product(report) == "3 registry credentials × 2 rules = 6 verdicts"
    assert total(report) == "2 pass + 1 fail + 1 waived + 1 unknown + 0 error + 1 not applicable = 6"
    left, right = total(report).split("=")
    assert sum(map(int, re.findall(r"\d+", left))) == int(right)


def test_verdicts_that_do_not_add_up_are_not_said_to(report):
    lost = replace(report, coverage=replace(report.coverage, results=7))
    assert product(lost) == "3 registry credentials × 2 rules ≠ 7 verdicts"
    assert total(lost).endswith(" ≠ 7")


def test_accounts_are_a_product_of_their_own(report, with_account):
    assert product(with_account) == "3 registry credentials × 2 rules + 2 accounts × 1 rule = 8 verdicts"
    alone = replace(with_account, rules=with_account.rules[-1:], coverage=replace(with_account.coverage, results=2))
    assert product(alone) == "2 accounts × 1 rule = 2 verdicts"
    lost = replace(with_account, coverage=replace(with_account.coverage, results=7))
    assert product(lost) == "3 registry credentials × 2 rules + 2 accounts × 1 rule ≠ 7 verdicts"


def test_the_worst_comes_first(report):
    shown = [(bar.severity, bar.violations, bar.percent) for bar in bars(report)]
    assert shown[:3] == [("critical", 0, "0.0%"), ("high", 1, "100.0%"), ("medium", 0, "0.0%")]


def test_every_result_is_shown_once(full):
    shown = view(full)
    violating = [each for finding in shown["findings"] for each in finding.results]
    everything = [*violating, *shown["inconclusive"], *shown["waived"], *shown["others"]]
    assert sorted(each.fingerprint for each in everything) == sorted(each.fingerprint for each in full.results)


@given(st.text())
def test_an_address_has_nothing_that_ends_it(text):
    for reference in (text, f"https://{text}", f"https://example.com/{text}"):
        url = address(reference)
        assert url is None or re.fullmatch(r"https?://[\w%:/.?#@!$&*+,;=~-]+", url)


def test_evidence_names_fields_and_values():
    assert evidence({"a.b": [1, None], "c": "x"}) == ["a.b = [1,null]", 'c = "x"']


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("https://example.com/a?b=c&d#e", "https://example.com/a?b=c&d#e"),
        (" http://example.com ", "http://example.com"),
        ("https://example.com/ \"'<>\n|`[]", "https://example.com/%20%22%27%3C%3E%20%7C%60%5B%5D"),
        ("https://example.com/100%#a#b", "https://example.com/100%25#a%23b"),
        ("javascript:alert(1)", None),
        ("JavaScript://example.com/%0aalert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("//example.com", None),
        ("https://", None),
        ("https://[::1", None),
        ("A book, page 3", None),
    ],
)
def test_only_web_addresses_become_links(reference, url):
    assert address(reference) == url


def test_what_a_rule_failed_on_could_not_be_evaluated_either(report):
    results = [replace(each, status=Status.ERROR) for each in report.results if each.status is Status.UNKNOWN]
    assert results
    assert view(replace(report, results=results))["inconclusive"] == results


@pytest.mark.parametrize("name", ["  ", "\u3164", "\u200b\u2060", "a", None])
def test_a_name_that_says_nothing_falls_back_to_the_id(report, name):
    results = [replace(each, resource=replace(each.resource, id="a", name=name)) for each in report.results[:1]]
    shown = replace(report, results=results)
    assert results[0].resource.title is None
    assert "| `a` |" in FORMATS["md"].render(shown)
    assert "<code>a</code>\n" in FORMATS["html"].render(shown)
