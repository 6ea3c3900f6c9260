"""The HTML report of 40 types and 150 findings: what is on the first screen, and its filters."""

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page

from northflank_audit.model import ResourceName, Result, Severity, Status, fingerprint
from northflank_audit.report import NotConfigured, Report, TypeCoverage
from northflank_audit.resources import TYPES
from tests.browser.test_accessible import violations
from tests.formats.conftest import RULES, result

__all__ = ["violations"]

KINDS = [*(name for name in TYPES if name != "account"), *(f"kind-{number}" for number in range(40))][:40]
PROJECTS = (None, "storefront-production", "ledger", "identity")
TEAMS = (None, "payments", "shop")
REASON = "GET /v1/projects/ledger/volumes answered 403 Forbidden: the token needs Project > Volumes > General > Read"


def one(number: int) -> Result:
    severity = list(reversed(Severity))[min(number // 20, 4)]
    name = ResourceName(KINDS[number % 40], f"r{number}", None, TEAMS[number % 3], PROJECTS[number % 4])
    made = result(f"rule-{number // 5}", severity=severity, evidence={"open": True})
    return replace(made, resource=name, fingerprint=fingerprint(made.rule_id, name.identity))


@pytest.fixture
def wide(report: Report) -> Report:
    """An incomplete audit of 40 types: 150 violations of 30 rules, 4 unknown verdicts, a rule that is not configured."""
    results = [one(number) for number in range(150)]
    results += [replace(one(number), status=Status.UNKNOWN, rule_id="rule-9") for number in range(150, 154)]
    rules = [
        replace(
            RULES[1], id=f"rule-{number}", title=f"Rule {number}", severity=one(number * 5).severity, counts={"fail": 5}
        )
        for number in range(30)
    ]
    fails = {severity.value: sum(each.severity is severity for each in results[:150]) for severity in Severity}
    types = [
        TypeCoverage(type=kind, resources=9, requests=1, complete=number > 2, missing=[REASON] * (number < 3))
        for number, kind in enumerate(KINDS)
    ]
    return replace(
        report,
        rules=rules,
        results=results,
        compliance=[],
        run=replace(report.run, complete=False, incomplete_reasons=[f"{REASON} {number}" for number in range(15)]),
        coverage=replace(report.coverage, types=types, not_visible=["sessions: how long they last"]),
        summary=replace(report.summary, fail=150, waived=0, unknown=4, fail_by_severity=fails),
        not_configured=[
            NotConfigured(id="hosts", title="Hosts", severity=Severity.LOW, controls={}, requires=["allowed"])
        ],
        exit_code=3,
    )


def rows(page: Page) -> list[str]:
    return page.evaluate("""() => [...document.querySelectorAll("#findings .findings > li")]
        .filter((row) => row.checkVisibility()).map((row) => row.querySelector(".who code").textContent)""")


@pytest.mark.parametrize(("width", "height", "worst"), [(1280, 800, 5), (320, 640, 1)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_has_the_verdict_what_was_not_seen_and_the_worst(opened, wide, width, height, worst, scheme):
    page = opened(wide, viewport={"width": width, "height": height}, color_scheme=scheme)
    bottoms = page.evaluate("""() => Object.fromEntries(["h1", ".unseen", ".worst"].map((each) => [each,
        (each === ".worst" ? [...document.querySelectorAll(".worst > li")] : [document.querySelector(each)])
            .map((e) => e.getBoundingClientRect().bottom)]))""")
    assert bottoms["h1"][0] < bottoms[".unseen"][0] < height
    assert sum(bottom <= height for bottom in bottoms[".worst"]) >= worst
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_each_thing_that_was_not_seen_leads_to_where_the_page_tells_of_it(opened, wide):
    page = opened(wide)
    links = page.locator(".unseen a")
    assert links.all_inner_texts() == [
        *("15 things missing", "3 types in part", "4 verdicts", "1 rule not configured", "1 fact not in the API")
    ]
    for href in links.evaluate_all("(all) => all.map((each) => each.hash)"):
        assert page.locator(href).count() == 1, href


def test_the_worst_rules_are_named_in_order_and_the_rest_is_counted(opened, wide):
    page = opened(wide)
    texts = [" ".join(text.split()) for text in page.locator(".worst > li").all_inner_texts()]
    assert texts == [
        *(f"critical Rule {number} 5 violations" for number in range(4)),
        "high Rule 4 5 violations",
        "25 more rules violated",
    ]


def test_filters_by_type_project_and_team(opened, wide):
    page = opened(wide)
    for label, option, wanted in (
        ("Type", "addon", lambda number: KINDS[number % 40] == "addon"),
        ("Project", "ledger", lambda number: number % 4 == 2),
        ("Project", "no project", lambda number: number % 4 == 0),
        ("Team", "shop", lambda number: number % 3 == 2),
    ):
        page.get_by_label(label, exact=True).select_option(label=option)
        found = {name.rpartition("/")[2] for name in rows(page)}
        assert found == {f"r{number}" for number in range(154) if wanted(number)}, option
        page.get_by_label(label, exact=True).select_option(label="all")


def test_a_filter_is_worked_by_keys_alone(opened, wide):
    page = opened(wide)
    page.get_by_label("Rule", exact=True).focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "type"
    page.keyboard.press("Tab")
    page.keyboard.type("led")
    page.wait_for_function("document.getElementById('count').textContent.includes(' of 154 ')")
    assert page.evaluate("document.getElementById('project').selectedOptions[0].text") == "ledger"
    page.get_by_role("button", name="Clear the filters").press("Enter")
    assert len(rows(page)) > 100


def test_where_all_is_of_one_type_project_and_team_there_is_nothing_to_choose(opened, report):
    page = opened(report)
    for name in ("type", "project", "team"):
        assert page.locator(f"#{name}").count() == 0


def test_on_a_phone_its_filters_and_tables_stay_within_the_screen(opened, wide):
    page = opened(wide, viewport={"width": 320, "height": 640})
    beyond = page.locator("#tools select, #tools input, .wide").evaluate_all(
        "(all) => all.filter((e) => e.getBoundingClientRect().right > innerWidth).length"
    )
    assert beyond == 0


def test_it_meets_wcag_2_2_aa(violations, wide):
    assert violations(wide) == []
