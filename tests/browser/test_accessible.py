"""The HTML report by the rules of others: WCAG 2.2 AA as axe-core checks it, and HTML as the Nu checker does."""

import itertools
import re

import pytest

from northflank_audit.formats import FORMATS
from tests.browser.conftest import many
from tests.conftest import ROOT
from tests.validators import nu_messages

AXE = ROOT / "tests/peers/node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
REPORTS = ["report", "clean", "incomplete", "full", "hostile", "with_account"]


@pytest.fixture
def violations(chromium, written):
    """Return what axe-core has against a report: on a screen in light and dark, and on a phone.

    What is folded or off the screen is shown to it, so that it can see that.
    """

    def found(report):
        with chromium.new_context(bypass_csp=True, viewport={"width": 1100, "height": 800}) as made:
            page = made.new_page()
            page.goto(written(report).as_uri())
            page.add_style_tag(content=".findings > li { content-visibility: visible !important }")
            page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            against = broken_rules(page, {"type": "tag", "values": WCAG})
            page.emulate_media(color_scheme="dark")
            against += broken_rules(page, {"type": "rule", "values": ["color-contrast"]})  # all else is as it was
            page.set_viewport_size({"width": 360, "height": 740})
            return against + broken_rules(page, {"type": "tag", "values": WCAG})

    return found


def broken_rules(page, rules):
    """Return the rules that are broken, and where."""
    results = page.evaluate("(runOnly) => axe.run(document, {runOnly, resultTypes: ['violations']})", rules)
    assert len(results["passes"]) >= (15 if rules["type"] == "tag" else 1)  # it did look
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in results["violations"]]


@pytest.mark.parametrize("which", ["clean", "incomplete", "full", "hostile"])
def test_it_meets_wcag_2_2_aa(violations, request, which):
    assert violations(request.getfixturevalue(which)) == []


def test_each_landmark_has_a_name_of_its_own(chromium, written, full):
    with chromium.new_context(bypass_csp=True) as made:
        page = made.new_page()
        page.goto(written(full).as_uri())
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert broken_rules(page, {"type": "rule", "values": ["landmark-unique"]}) == []


def test_all_severities_changes_and_filters_meet_it_too(violations, report):
    assert violations(many(report, 10)) == []


def test_with_colours_of_the_readers_own_nothing_is_lost(opened, full):
    page = opened(full, forced_colors="active")
    borders = page.locator(".badge").evaluate_all("(all) => all.map((e) => getComputedStyle(e).borderTopWidth)")
    assert set(borders) == {"1px"}


def test_everything_to_press_is_large_enough(opened, report):
    """WCAG 2.2, 2.5.8: 24 by 24 CSS pixels; what stands in a sentence or a list of addresses may be smaller."""
    page = opened(many(report, 30))
    sizes = page.locator("input, select, summary, nav a, .link").evaluate_all(
        "(all) => all.map((e) => [e.outerHTML, e.getBoundingClientRect().width, e.getBoundingClientRect().height])"
    )
    assert len(sizes) > 30
    assert [html for html, width, height in sizes if width < 24 or height < 24] == []


def test_a_screen_reader_is_given_names_and_the_count(opened, full):
    tree = opened(full).get_by_role("search", name="Findings").aria_snapshot()
    controls = [
        line.strip(" -").rstrip(":") for line in tree.splitlines() if re.search("searchbox|combobox|status", line)
    ]
    assert controls == [
        *('searchbox "Search"', 'combobox "Severity"', 'combobox "Rule"', 'combobox "Team"', 'combobox "Change"'),
        *("status: 4 findings", 'combobox "Group by"', 'combobox "Sort by"'),
    ]


def test_headings_go_down_one_level_at_a_time(opened, full):
    levels = opened(full).evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((e) => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_it_is_html_without_a_warning(request, tmp_path, report):
    reports = {name: request.getfixturevalue(name) for name in REPORTS} | {"thirty": many(report, 30)}
    files = [tmp_path / f"{name}.html" for name in reports]
    for file, each in zip(files, reports.values(), strict=True):
        file.write_text(FORMATS["html"].render(each), encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text("<!DOCTYPE html><title>x</title><p id=a id=b>", encoding="utf-8")
    messages = nu_messages([*files, broken])
    assert [each for each in messages if not each["url"].endswith(broken.name)] == []
    assert messages  # it did look
