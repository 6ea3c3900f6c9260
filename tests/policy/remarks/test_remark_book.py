import datetime as dt

import pytest
from msgspec.structs import replace

from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors
from northflank_audit.policy.remarks import remark_book
from northflank_audit.policy.remarks.remark_book import WaiverBook, covers, exactly
from northflank_audit.policy.remarks.remark_files import WAIVERS, read, unmatched
from northflank_audit.remarks import Waiver

GOOD = "waivers:\n  - {rule: r, resource: 'ci-*', reason: why, owner: me, expires: 2026-06-30}\n"


def load(path, text):
    found, diagnostics = read(Document(text, path, strict=False), WAIVERS)
    if diagnostics:
        raise FileErrors(diagnostics)
    return [waiver for _, waiver in found]


def of(resource_id, team=None, *, project=None, kind="registry-credential"):
    return (kind, team, project, resource_id)


def book(text=GOOD, today="2026-06-30"):
    return WaiverBook(load("w.yaml", text), dt.date.fromisoformat(today))


def test_a_waiver_holds_through_its_last_day():
    last = book(today="2026-06-30")
    assert last.find("r", of("ci-x"))
    assert last.expired == []
    late = book(today="2026-07-01")
    assert late.find("r", of("ci-x")) is None
    assert [waiver.resource for waiver in late.expired] == ["ci-*"]
    assert late.unused == []


def test_wildcards_rule_and_team():
    of_team = book(GOOD.replace("{rule", "{team: t, rule"))
    assert of_team.find("r", of("ci-x", "t"))
    assert not any([of_team.find("r", of("ci-x")), of_team.find("r", of("ci-x", "u"))])
    plain = book()
    assert plain.find("r", of("ci-", "any"))
    assert not any([plain.find("r", of("CI-x")), plain.find("s", of("ci-x")), plain.find("r", of("x-ci-"))])


def test_a_waiver_may_name_the_own_account_a_project_and_a_type():
    own = book(GOOD.replace("{rule", "{team: null, rule"))
    assert own.find("r", of("ci-x"))
    assert not own.find("r", of("ci-x", "t"))
    narrow = book(GOOD.replace("{rule", "{project: shop, type: addon, rule"))
    assert narrow.find("r", of("ci-x", "any", project="shop", kind="addon"))
    assert not any(
        narrow.find("r", each)
        for each in (of("ci-x", project="shop"), of("ci-x", kind="addon"), of("ci-x", project="web", kind="addon"))
    )


def test_what_covered_nothing_is_unused_and_each_that_covers_is_used():
    both = book(GOOD + "  - {rule: r, resource: ci-1, reason: x, owner: y, expires: 2027-01-01}\n")
    assert len(both.unused) == 2
    assert both.find("r", of("ci-1")).reason == "why"
    assert both.unused == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("reason: why, ", ""), "w.yaml:2:5: the key 'reason' is missing"),
        (GOOD.replace("owner: me", "owner: ' '"), "w.yaml:2:53: a waiver needs its owner"),
        (GOOD.replace(", expires: 2026-06-30", ""), "w.yaml:2:5: the key 'expires' is missing"),
        (GOOD.replace("2026-06-30", "2026-06-31"), "w.yaml:2:66: not a date such as 2027-01-31"),
        (GOOD.replace("{rule", "{ruel: x, rule"), "w.yaml:2:6: unknown key 'ruel'"),
        ("waiver: []", "w.yaml:1:1: unknown key 'waiver'"),
        ("- a", "w.yaml:1:1: a waiver file needs a list under the key 'waivers'"),
    ],
)
def test_a_waiver_that_lacks_something_is_refused(text, expected):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - one of two kinds of StartError
        load("w.yaml", text)
    assert str(caught.value).startswith(expected)
    assert isinstance(caught.value, FileErrors) or caught.value.exit_code == 2


def test_an_empty_list_is_no_waiver():
    assert load("w.yaml", "waivers: []") == []


@pytest.mark.parametrize("name", ["plain", "a*b", "[ab]", "what?", "]", "[!x]"])
def test_an_id_can_be_named_exactly(name):
    (waiver,) = load("w.yaml", GOOD)
    exact = replace(waiver, resource=exactly(name))
    assert covers(exact, "r", of(name))
    assert not any(covers(exact, "r", of(other)) for other in ("a", "axb", "whatx", "z", f"{name}x"))


TODAY = dt.date(2026, 6, 30)


def made(**more):
    return Waiver(**{"rule": "r", "reason": "why", "owner": "me", "expires": TODAY, **more})


def test_a_finding_is_compared_with_the_waivers_that_may_cover_it_and_no_others(monkeypatch):
    compared = []
    monkeypatch.setattr(remark_book, "covers", lambda *given: compared.append(given) or covers(*given))
    book = WaiverBook([made(resource=f"r{number}") for number in range(500)], TODAY)
    assert all(book.find("r", of(f"r{number}")) for number in range(500))
    assert len(compared) == 500
    assert book.unused == []


def test_the_first_waiver_in_the_file_is_named_be_it_a_pattern_or_an_id():
    pattern, exact = made(resource="leg*", reason="pattern"), made(resource="legacy", reason="exact")
    assert WaiverBook([pattern, exact], TODAY).find("r", of("legacy")) == pattern
    assert WaiverBook([exact, pattern], TODAY).find("r", of("legacy")) == exact


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("registry-stale", ""),
        ("registry-*", ""),
        ("*", ""),
        ("registry-stal", "no rule 'registry-stal' (did you mean 'registry-stale'?)"),
        ("registy-*", "no rule matches 'registy-*' (did you mean 'registry-*'?)"),
        ("registy-?tale", "no rule matches 'registy-?tale' (the nearest is 'registry-stale')"),
        ("addon-public", "no rule 'addon-public'"),
        ("a*", "no rule matches 'a*'"),
        ("[", "no rule matches '['"),
    ],
)
def test_a_rule_that_there_is_not_is_told_with_the_nearest(rule, expected):
    assert unmatched(made(rule=rule, resource="x"), {"registry-stale", "registry-open"}) == expected


def test_waivers_that_end_soon_are_found_by_their_last_day():
    late = dt.date(2026, 7, 14)
    book = WaiverBook([made(resource="b", expires=late), made(resource="a"), made(resource="c", expires=late)], TODAY)
    found = {str(day): [each.resource for each in waivers] for day, waivers in book.ending(14).items()}
    assert found == {"2026-06-30": ["a"], "2026-07-14": ["b", "c"]}
    assert list(book.ending(13)) == [TODAY]
