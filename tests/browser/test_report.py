"""The HTML report in a browser: found, sorted, led to, printed, in the dark, on a phone, and without its script."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from northflank_audit.formats import htmlview
from northflank_audit.model import Status, fingerprint
from tests.browser.conftest import many

SETTLED = 200
"""Milliseconds after a keystroke in which the list has settled."""


def shown(page: Page) -> list[str]:
    """Return the ids of the credentials that are to be seen, without their teams; those of #findings alone."""
    return page.evaluate("""() => [...document.querySelectorAll("#findings .findings > li")]
        .filter((row) => row.checkVisibility()).map((row) => row.querySelector(".who code").textContent.split("/").pop())""")


def search(page: Page, text: str) -> None:
    page.get_by_label("Search", exact=True).fill(text)
    settle(page)


def settle(page: Page) -> None:
    """Wait for the page's own timer: a later one of the same page ends after it, however slow the machine."""
    page.evaluate("(time) => new Promise((done) => setTimeout(done, time))", SETTLED)


def count(page: Page) -> str:
    return page.get_by_role("status").first.inner_text()


@pytest.fixture
def thirty(report):
    return many(report, 30)


@pytest.fixture(scope="module")
def numbers():
    return lambda wanted: [f"cred-{number}" for number in range(30) if wanted(number)]


def test_all_is_shown_and_counted_at_first(opened, thirty):
    page = opened(thirty)
    assert len(shown(page)) == 30
    assert count(page) == "30 findings"
    page.get_by_role("button", name="Clear the filters").wait_for(state="hidden")


def test_a_filter_shows_what_matches_it_and_says_how_many(opened, thirty, numbers):
    page = opened(thirty)
    for label, option, wanted in (
        ("Severity", "high", lambda number: number % 5 == 1),
        ("Rule", "D is medium", lambda number: number % 5 == 2),
        ("Team", "payments", lambda number: number % 3 == 1),
        ("Team", "the token's own account", lambda number: number % 3 == 0),
        ("Change", "new", lambda number: number % 10 == 9),
    ):
        page.get_by_label(label, exact=True).select_option(label=option)
        assert sorted(shown(page)) == sorted(numbers(wanted)), (label, option)
        assert count(page) == f"{len(numbers(wanted))} of 30 findings shown"
        page.get_by_label(label, exact=True).select_option(label="all")


def test_free_text_is_looked_for_in_all_that_a_finding_says(opened, thirty, numbers):
    page = opened(thirty)
    for text, wanted in (
        ("puller 7", lambda number: number in (7, 17, 27)),  # not what has a 7 in its fingerprint
        ("7 PULLER", lambda number: number in (7, 17, 27)),
        ("rule-high", lambda number: number % 5 == 1),
        ("d is medium", lambda number: number % 5 == 2),
        ("payments/", lambda number: number % 3 == 1),
        ("restrictions.restricted = false", lambda number: True),
        (fingerprint("rule-high", ("registry-credential", None, None, "cred-6"))[:12], lambda number: number == 6),
        ("  ", lambda number: True),
    ):
        search(page, text)
        assert sorted(shown(page)) == sorted(numbers(wanted)), text


def test_filters_combine_and_are_cleared_together(opened, thirty):
    page = opened(thirty)
    page.get_by_label("Severity", exact=True).select_option("high")
    page.get_by_label("Team", exact=True).select_option(label="payments")
    search(page, "16")
    assert shown(page) == ["cred-16"]
    assert page.locator("section.rule").filter(visible=True).count() == 1
    assert page.locator("summary").filter(visible=True).all_inner_texts()[0] == "6 registry credentials, 1 shown"
    page.get_by_label("Change", exact=True).select_option("new")
    assert shown(page) == []
    assert count(page) == "0 of 30 findings shown"
    page.get_by_text("No finding matches these filters.").wait_for()
    assert not page.get_by_role("heading", name="Violations", exact=True).is_visible()  # it would look like none
    page.get_by_role("button", name="Clear the filters").click()
    assert len(shown(page)) == 30
    assert count(page) == "30 findings"
    assert page.evaluate("document.activeElement.id") == "text"
    page.get_by_text("No finding matches").wait_for(state="hidden")


def test_what_a_reader_folded_is_folded_again_after_a_search(opened, thirty):
    page = opened(thirty)
    page.locator("summary").first.press("Enter")
    assert len(shown(page)) == 24
    page.get_by_label("Sort by", exact=True).select_option("rule")
    assert len(shown(page)) == 24
    search(page, "rule-critical")
    assert len(shown(page)) == 6
    search(page, "")
    assert len(shown(page)) == 24


def test_the_filters_are_used_by_keyboard_alone(opened, thirty):
    page = opened(thirty)
    page.get_by_label("Search", exact=True).focus()
    page.keyboard.type("cred-6")
    page.keyboard.press("Enter")  # it submits nothing
    page.keyboard.press("Tab")
    page.keyboard.type("high")
    settle(page)
    assert shown(page) == ["cred-6"]
    assert page.url.endswith(".html")


@pytest.mark.parametrize(
    ("group", "by", "key"),
    [
        ("team", "severity", lambda number: ([0, 2, 1][number % 3], number % 5)),  # own account, data, payments
        ("nothing", "resource", lambda number: number),  # as people count: 9 before 10
    ],
)
def test_apart_from_its_rule_a_finding_names_it(opened, thirty, group, by, key):
    page = opened(thirty)
    page.get_by_label("Group by", exact=True).select_option(group)
    page.get_by_label("Sort by", exact=True).select_option(by)
    keys = [key(int(name.removeprefix("cred-"))) for name in shown(page)]
    assert len(keys) == 30
    if group == "nothing":
        assert keys == sorted(keys)
    else:
        assert [severity for team, severity in keys if team == 0] == sorted(s for team, s in keys if team == 0)
        assert len([1 for before, after in pairwise(keys) if before[0] != after[0]]) == 2  # three accounts
    expect(page.locator("section.rule").filter(visible=True)).to_have_count(0)
    first = page.locator("#grouped .findings > li, #flat > li").first
    assert " ".join(first.locator(".of").text_content().split()) == "critical E is critical"
    first.get_by_role("link", name="E is critical").press("Enter")
    page.get_by_text("One project reaches every image.").first.wait_for()  # back at the rule
    assert page.get_by_label("Group by", exact=True).input_value() == "rule"
    page.locator("#flat").wait_for(state="hidden")
    assert len(shown(page)) == 30


def test_new_ones_first(opened, thirty):
    page = opened(thirty)
    page.get_by_label("Sort by", exact=True).select_option(label="new first")
    assert sorted(shown(page)[:3]) == ["cred-19", "cred-29", "cred-9"]
    page.get_by_label("Severity", exact=True).select_option("info")
    assert shown(page)[:3] == ["cred-9", "cred-29", "cred-19"]
    assert page.locator(".badge.new").filter(visible=True).count() == 3


def test_sorted_by_rule_the_rules_come_by_name_and_go_back(opened, thirty):
    page = opened(thirty)
    titles = page.locator("section.rule h3")
    worst_first = titles.all_inner_texts()
    assert worst_first == ["E is critical", "B is high", "D is medium", "A is low", "C is info"]
    page.get_by_label("Sort by", exact=True).select_option("rule")
    assert titles.all_inner_texts() == sorted(worst_first)
    page.get_by_label("Sort by", exact=True).select_option("resource")
    page.get_by_label("Sort by", exact=True).select_option("severity")
    assert titles.all_inner_texts() == worst_first
    assert shown(page)[:2] == ["cred-0", "cred-15"]


def test_what_is_inconclusive_or_waived_is_filtered_and_sorted_too(opened, full):
    page = opened(full)
    assert count(page) == "4 findings"  # what is resolved or unsettled is another report's
    page.get_by_label("Rule", exact=True).select_option(label="Provider is allowed")
    assert page.get_by_role("heading", level=2).filter(visible=True).all_inner_texts() == [
        *("What changed", "At a glance", "Waived", "Passed or not applicable", "Resolved", "Unsettled"),
        "To be looked at",
        *("Compliance", "All rules", "How this was measured"),
    ]
    assert shown(page) == ["b", "t"]  # the last of them was folded
    page.get_by_role("button", name="Clear the filters").click()
    assert shown(page) == ["a", "c", "b"]


def lit(page: Page, finding: str) -> None:
    """See that a finding is in view and stands out from its neighbours."""
    page.locator(f"[id='{finding}']").wait_for()
    page.wait_for_function(
        """(id) => {
            const [colour, other] = [document.getElementById(id), document.body].map((e) => getComputedStyle(e).backgroundColor);
            return ![other, "rgba(0, 0, 0, 0)"].includes(colour);
        }""",
        arg=finding,
    )
    page.evaluate(  # it is scrolled to again in the next frame, once those above are as tall as they are
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    page.wait_for_function(
        """(id) => {
            const { top, bottom } = document.getElementById(id).getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight;
        }""",
        arg=finding,
    )


def test_a_deep_link_leads_into_what_is_folded_on_load(opened, full):
    (passed,) = [each for each in full.results if each.status is Status.PASS]
    lit(opened(full, f"#f-{passed.fingerprint}"), f"f-{passed.fingerprint}")


def test_a_deep_link_leads_to_what_is_filtered_out_or_elsewhere(opened, thirty):
    page = opened(thirty)
    target = f"f-{fingerprint('rule-high', ('registry-credential', None, None, 'cred-6'))}"
    page.get_by_label("Sort by", exact=True).select_option("resource")
    page.get_by_label("Severity", exact=True).select_option("low")
    assert shown(page) == ["cred-3", "cred-8", "cred-13", "cred-18", "cred-23", "cred-28"]
    page.evaluate("(id) => { location.hash = id; }", target)
    lit(page, target)
    assert count(page) == "30 findings"  # the filter gave way, and the controls say so
    assert page.get_by_label("Severity", exact=True).input_value() == ""
    page.get_by_label("Severity", exact=True).select_option("low")
    page.evaluate(
        "(id) => { const a = document.createElement('a'); a.href = '#' + id; document.body.append(a); a.click(); }",
        target,
    )
    lit(page, target)  # the address was that already


def test_each_finding_has_a_link_to_itself(opened, thirty):
    page = opened(thirty)
    result = thirty.results[8]
    page.get_by_role("link", name=f"Link to finding #{result.fingerprint[:12]}").press("Enter")
    assert page.url.endswith(f"#f-{result.fingerprint}")
    lit(page, f"f-{result.fingerprint}")


def test_a_link_to_a_finding_that_is_no_more_says_so_or_leads_to_what_became_of_it(opened, full):
    page = opened(full, f"#f-{'0' * 32}")
    page.get_by_text("The finding of this link is not in this page").wait_for()
    fixed = full.resolved[0].fingerprint
    page.evaluate("(id) => { location.hash = id; }", f"f-{fixed}")
    lit(page, f"r-{fixed}")
    page.get_by_text("The finding of this link").wait_for(state="hidden")
    page.evaluate("location.hash = '%'")


def test_on_paper_everything_is_open_and_the_filter_holds_and_is_told(opened, full, thirty):
    page = opened(full)
    assert len(shown(page)) == 3
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() >= 1
    assert len(shown(page)) == 4
    page.locator("#tools").wait_for(state="hidden")
    page.locator("nav").wait_for(state="hidden")
    filtered = opened(thirty)
    filtered.get_by_label("Severity", exact=True).select_option("high")
    filtered.emulate_media(media="print")
    assert len(shown(filtered)) == 6
    filtered.get_by_text("6 of 30 findings shown").wait_for()
    assert not filtered.get_by_label("Severity", exact=True).is_visible()
    assert filtered.pdf().startswith(b"%PDF")


def test_without_its_script_the_page_is_whole(opened, full):
    page = opened(full, java_script_enabled=False)
    assert (
        page.get_by_label("Search", exact=True).count() == 0 or not page.get_by_label("Search", exact=True).is_visible()
    )
    assert page.locator("#findings .findings > li").filter(visible=True).count() == 3
    page.locator("summary", has_text=re.compile("^1 verdict$")).last.press("Enter")
    expect(page.locator("#findings .findings > li").filter(visible=True)).to_have_count(4)


def test_it_is_dark_where_the_reader_has_it_dark_and_light_on_paper(opened, thirty):
    page = opened(thirty, color_scheme="dark")

    def brightness(name: str) -> int:
        colour = page.evaluate(f"getComputedStyle(document.body).{name}")
        return sum(int(part) for part in colour[4:-1].split(","))

    assert brightness("backgroundColor") < 100
    assert brightness("color") > 600
    page.emulate_media(media="print")
    assert brightness("color") < 100


def test_nothing_found_is_a_calm_page_without_controls(opened, clean):
    page = opened(clean)
    page.get_by_text("No violations on 3 registry credentials").wait_for()
    assert page.locator("input, select, button").count() == 0


@pytest.mark.parametrize("which", ["full", "thirty", "endless", "incomplete"])
def test_on_a_phone_nothing_is_wider_than_the_screen(opened, request, which):
    page = opened(request.getfixturevalue(which))
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_text_runs_nothing_and_asks_for_nothing(opened, endless):
    page = opened(endless)  # whatever it does fails the test: see conftest.watched
    for label in ("Rule", "Team"):
        page.get_by_label(label, exact=True).select_option(index=1)
    search(page, "<script>alert(1)</script>")
    page.get_by_label("Sort by", exact=True).select_option("resource")
    page.get_by_role("button", name="Clear the filters").click()
    for summary in page.locator("summary").filter(visible=True).all():
        summary.press("Enter")
    page.evaluate("location.hash = 'f-<img src=x onerror=alert(1)>'")
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed, form, style[src], [onerror], [onload]").count() == 0
    assert set(page.evaluate("[...document.links].map((a) => a.protocol)")) == {"file:", "https:"}


def test_the_policy_lets_nothing_else_run(chromium, written, full):
    page = chromium.new_page()
    page.goto(written(full).as_uri())
    tried = page.evaluate("""() => {
        const refused = [];
        const tried = (name, act) => { try { act(); } catch { refused.push(name); } };
        document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        tried("markup", () => { document.body.innerHTML = "<p>x"; });
        const script = document.createElement("script");
        tried("script", () => { script.text = "window.ran = true"; });
        const style = document.createElement("style");
        style.textContent = "body { display: none }";
        document.head.append(style);
        const image = new Image();
        image.src = "https://evil.example/i.png";
        return new Promise((done) => setTimeout(() => done([refused, window.ran]), 50));
    }""")
    page.close()
    assert tried[1] is None
    assert {"markup", "script", "style-src-elem", "img-src"} <= set(tried[0])


def test_ten_thousand_findings_can_be_filtered_sorted_and_linked(opened, report):
    huge = many(report, 10_000)
    page = opened(huge)
    assert count(page) == "10000 findings"
    page.select_option("#severity", "high")
    assert count(page) == "2000 of 10000 findings shown"
    page.select_option("#severity", "")
    page.select_option("#sort", "resource")
    page.select_option("#sort", "severity")
    search(page, "puller 777")
    assert count(page) == "19 of 10000 findings shown"
    last = huge.results[-1].fingerprint
    page.evaluate("(id) => { location.hash = id; }", f"f-{last}")
    lit(page, f"f-{last}")


def test_beyond_what_a_page_bears_the_worst_and_the_new_are_shown_and_the_rest_is_counted(opened, thirty, monkeypatch):
    monkeypatch.setattr(htmlview, "WORST", 25)
    page = opened(thirty)
    page.get_by_text("This page has the new and worst 25. The other 5 are counted here").wait_for()
    assert page.locator("section.rule .count").all_inner_texts() == ["6 violations"] * 5
    last = page.locator("#rule-rule-info")
    assert "3 of 6 are only in the JSON report (report.json" in last.inner_text()
    assert last.locator(".findings > li code").first.text_content() == "cred-9"  # new, as 19 and 29 are, and the first
    assert last.locator(".findings > li").count() == 3
    assert page.locator("#findings .findings > li").count() == 25
    search(page, "no such thing")
    page.get_by_text("Those that are only in the JSON report were not searched.").wait_for()


def test_a_rule_of_which_nothing_is_shown_is_counted_all_the_same(opened, thirty, monkeypatch):
    monkeypatch.setattr(htmlview, "WORST", 21)
    last = opened(thirty).locator("#rule-rule-low")
    assert last.locator(".count").inner_text() == "6 violations"
    assert "6 of 6 are only in the JSON report" in last.inner_text()


def test_on_a_phone_the_bars_of_controls_are_bars(opened, full):
    page = opened(full, viewport={"width": 320, "height": 700})
    sizes = page.locator(".stands .stand").evaluate_all(
        "(all) => all.map((e) => [e.getBoundingClientRect().width, e.getBoundingClientRect().height])"
    )
    assert len(sizes) == 2
    assert [width / height > 10 for width, height in sizes] == [True, True]
