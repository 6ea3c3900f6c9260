"""The fleet's page in a real browser: no request, links that hold, axe-core without a violation, filters that filter."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from northflank_audit.fleet.fleet_pages import render_html
from northflank_audit.resources import TYPES
from tests.browser.conftest import watched
from tests.conftest import needed_package
from tests.fleet.fleets import PASSED, fleet_of, incomplete, mixed, passed, target, unstarted, violated
from tests.formats.conftest import HOSTILE
from tests.validators import nu_messages

WIDE = {"viewport": {"width": 1200, "height": 900}}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Write the pages of a fleet with every verdict, of a hostile one, of one of many targets, and of none."""
    folder = tmp_path_factory.mktemp("fleets")
    many = [incomplete("slow"), unstarted(), *passed(240).targets, target("odd", {"network": PASSED})]
    hostile = fleet_of(unstarted(reason=HOSTILE * 20), incomplete("charlie", HOSTILE, "W" * 5000))
    reports = {
        "mixed": mixed(),
        "hostile": replace(hostile, undelivered=[HOSTILE], run=replace(hostile.run, id=HOSTILE)),
        "many": fleet_of(*many),
        "none": fleet_of(),
    }
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(render_html(report), encoding="utf-8")
        for each in report.targets:
            for path in each.reports.values():
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_text("")
    return {name: folder / f"{name}.html" for name in reports}


def shown(page):
    return page.locator("#matrix tbody:visible tr:first-child th").all_text_contents()


def test_it_is_accessible_and_asks_for_nothing(pages, chromium):
    axe = needed_package("axe-core/axe.min.js").read_text()
    for name in ("mixed", "hostile", "none"):
        for scheme in ("light", "dark"):
            with watched(chromium, pages[name], "", color_scheme=scheme, bypass_csp=True, **WIDE) as page:
                page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
                page.evaluate(axe)
                found = page.evaluate("axe.run()")["violations"]
                assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], name


def test_it_holds_on_a_phone_and_is_valid(pages, chromium):
    for name, path in pages.items():
        with watched(chromium, path, "", viewport={"width": 320, "height": 640}) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
    assert [each for each in nu_messages([*pages.values()]) if each["type"] == "error"] == []


def test_no_column_is_out_of_sight_on_a_small_screen(chromium, tmp_path):
    every = {kind.family: violated(188, "critical", unknown=20) for kind in TYPES.values()}
    for count in range(1, len(every) + 1):
        shown = dict(list(every.items())[:count])
        (tmp_path / "p.html").write_text(render_html(fleet_of(target("all", shown))), encoding="utf-8")
        with watched(chromium, tmp_path / "p.html", "", **WIDE) as page:
            assert page.evaluate("matrix.scrollWidth - matrix.clientWidth") == 0, count


def test_every_link_leads_to_a_report(pages, chromium):
    with watched(chromium, pages["mixed"], "") as page:
        links = page.evaluate("[...document.links].map((link) => link.getAttribute('href'))")
    assert len(links) == 4
    assert all((pages["mixed"].parent / link).is_file() for link in links)


def test_filters_narrow_and_the_address_keeps_them(pages, chromium):
    with watched(chromium, pages["mixed"], "", **WIDE) as page:
        assert shown(page) == ["delta", "charlie", "bravo", "alpha", "echo"]
        page.get_by_label("Not passed in").select_option("data")
        assert shown(page) == ["delta", "charlie", "bravo", "echo"]
        page.get_by_label("Verdict").select_option("violated")
        assert shown(page) == ["bravo"]
        assert page.locator("#count").inner_text() == "1 of 5 targets"
        kept = page.evaluate("location.hash")
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Sort by").select_option("name")
        assert shown(page) == ["alpha", "bravo", "charlie", "delta", "echo"]
        page.get_by_label("Search").fill("forbidden")
        page.get_by_text("1 of 5 targets").wait_for()
        assert shown(page) == ["charlie"]
        page.get_by_label("Search").fill("no such target")
        page.locator("#nothing").wait_for()
    with watched(chromium, pages["mixed"], kept, **WIDE) as page:
        assert shown(page) == ["bravo"]


def test_a_filter_finds_in_every_part_and_gives_all_back(pages, chromium):
    with watched(chromium, pages["many"], "", **WIDE) as page:
        order = shown(page)
        assert (len(order), order[:2]) == (243, ["delta", "slow"])
        page.get_by_label("Not passed in").select_option("network")
        assert shown(page) == ["delta", "slow"]
        page.get_by_label("Not passed in").select_option("")
        page.get_by_label("Sort by").select_option("name")
        assert shown(page) == sorted(order)
        page.get_by_label("Sort by").select_option("")
        assert shown(page) == order


def test_it_is_complete_without_its_script(pages, chromium):
    with watched(chromium, pages["mixed"], "", java_script_enabled=False, **WIDE) as page:
        assert shown(page) == ["delta", "charlie", "bravo", "alpha", "echo"]
        assert not page.locator("#tools").is_visible()
