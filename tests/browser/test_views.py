"""The HTML report as it is used: copied from, grouped, as a table, printed, and zoomed."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from northflank_audit.formats.markdowntext import escape
from northflank_audit.model import fingerprint
from tests.browser.conftest import many
from tests.browser.test_accessible import AXE, WCAG, broken_rules, violations
from tests.browser.test_many_types import one, wide
from tests.browser.test_report import count, lit, search, shown
from tests.conftest import needed
from tests.formats.conftest import HOSTILE, report, result

__all__ = ["report", "violations", "wide"]

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
VIEWS = [
    ("List", "rule"), ("List", "resource"), ("List", "nothing"), ("Table", "project"), ("Table", "nothing"),
]  # fmt: skip


@pytest.fixture
def thirty(report):
    return many(report, 30)


def copied(page: Page, what: str, finding: str) -> str:
    """Copy something of a finding by the keyboard, and return what is on the clipboard then."""
    page.evaluate("navigator.clipboard.writeText('nothing yet')")
    button = page.locator(f"[id='f-{finding}']").get_by_role("button", name=what).element_handle()
    button.evaluate("""(button) => {
        button.texts = [];
        new MutationObserver(() => button.texts.push(button.textContent)).observe(button, { childList: true });
    }""")
    button.press("Enter")
    page.wait_for_function("(button) => button.texts.includes('copied')", arg=button)  # it says so for a moment only
    return page.evaluate("navigator.clipboard.readText()")


def choose(page: Page, view: str, group: str) -> None:
    page.click(f"#as-{view.lower()}")
    page.select_option("#group", group)


def headings(page: Page, within: str) -> list[str]:
    """Return the texts of what is to be seen, on the screen or below it."""
    return [" ".join(text.split()) for text in page.locator(within).filter(visible=True).all_text_contents()]


# -- Copying -----------------------------------------------------------------------------------------------------------


def test_a_finding_is_copied_as_markdown(opened, full):
    page = opened(full, **CLIPBOARD)
    new, _, waived, _ = full.results
    assert copied(page, "Copy as Markdown", new.fingerprint) == (
        "**new, high: Restricted to projects**\n\n"
        "A `a`: a can be used by every project\n\n"
        "- `restrictions.restricted = false`\n\n"
        "**Why it matters:** One project reaches every image.\n\n"
        "**What to do:** Select the projects.\n\n"
        f"Rule `unrestricted`, finding `{new.fingerprint}`\n"
    )
    text = copied(page, "Copy as Markdown", waived.fingerprint)
    assert text.startswith("**waived, new, low: Provider is allowed**\n\n")
    assert "Migrated in Q1 – accepted by `ops@example.com` until 2027-01-31" in text
    expect(page.locator("#copied")).to_have_text(f"Done: Copy as Markdown: finding #{waived.fingerprint[:12]}")


def test_the_command_that_waives_it_is_one_that_the_tool_takes(opened, full, audit, tmp_path):
    page = opened(full, **CLIPBOARD)
    new, unknown, waived, passed = full.results
    command = copied(page, "Copy the waiver command", new.fingerprint)
    assert command == (
        f'python audit.py waivers add {new.fingerprint} --reason "WHY" --owner "WHO" --expires YYYY-MM-DD'
    )
    for other in (unknown, waived, passed):
        assert page.locator(f"[id='f-{other.fingerprint}'] [data-copy='waiver']").count() == 0
    from northflank_audit.formats import FORMATS  # noqa: PLC0415 - for this test alone

    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/report.json").write_text(FORMATS["json"].render(full))
    arguments = re.sub('"', "", command).split()[2:]
    assert "is not a date" in audit(*arguments).err  # nobody waives by not looking
    done = audit(*[*arguments[:-1], "2099-12-31"], "--waivers", "w.yaml")
    assert done.code in (0, 2)
    assert "2099-12-31" in done.out + done.err


def test_a_link_to_it_is_copied_and_leads_there(opened, thirty):
    page = opened(thirty, **CLIPBOARD)
    finding = thirty.results[12].fingerprint
    page.evaluate("location.hash = 'coverage'")
    link = copied(page, "Copy the link", finding)
    assert link == f"{page.url.partition('#')[0]}#f-{finding}"
    page.goto(link)
    lit(page, f"f-{finding}")


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "see https://evil.example or www.evil.example, mail a@b.example",
        "@team, #1, !2, $3, %4, ~5, &6 and group/project#7 a&b x!y",
        "*bold* _em_ `code` ``c`d`` [a](b) ![i](j) <b>x</b> &amp; | ~~s~~ \\* $x$",
        "- item",
        "1. item",
        "12) item",
        "= heading",
        "# heading",
        "+ x | @y`z",
        "ünïcode ￼ 名前@例",
    ],
)
def test_what_others_wrote_is_as_inert_as_in_the_markdown_report(opened, report, text):
    shown = replace(result(message=text, evidence={"name": text}), resource=replace(result().resource, name=text))
    page = opened(replace(report, results=[shown]), **CLIPBOARD)
    markdown = copied(page, "Copy as Markdown", shown.fingerprint)
    assert markdown.splitlines()[2] == f"{escape(text)} `a`: {escape(text)}"
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown)
    assert not re.search("<(?:a|img|script|b|h1|h2|hr|table|del)[ >]", html.replace("<li>", ""))


def test_where_the_browser_copies_nothing_the_text_is_there_to_copy(opened, thirty):
    page = opened(thirty)
    page.evaluate("""() => {
        navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
        document.execCommand = () => false;
    }""")
    finding = thirty.results[0].fingerprint
    row = page.locator(f"[id='f-{finding}']")
    for _ in range(2):
        row.get_by_role("button", name="Copy the link").click()
        expect(row.locator("textarea")).to_have_count(1)
    area = row.get_by_role("textbox", name="The text to copy")
    assert area.input_value() == f"{page.url}#f-{finding}"
    assert page.evaluate("document.activeElement.selectionEnd") == len(area.input_value())


def test_it_asks_for_nothing_and_remembers_nothing(opened, thirty):
    page = opened(thirty, **CLIPBOARD)
    copied(page, "Copy the link", thirty.results[0].fingerprint)
    choose(page, "Table", "team")
    search(page, "puller 7")
    page.reload()
    assert count(page) == "30 findings"
    assert page.get_by_label("Group by", exact=True).input_value() == "rule"
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


# -- Grouping and the table --------------------------------------------------------------------------------------------


def test_grouped_by_resource_each_has_its_findings_the_worst_first(opened, wide):
    results = [replace(one(number), resource=one(number % 3).resource) for number in range(9)]
    results = [replace(each, fingerprint=fingerprint(each.rule_id, each.resource.identity)) for each in results[::2]]
    page = opened(replace(wide, results=results))
    choose(page, "List", "resource")
    found = [(text.split()[1], *text.split()[-2:]) for text in headings(page, "#grouped .title")]
    assert [(name.rpartition("/")[2], *rest) for name, *rest in found] == [
        ("r0", "2", "findings"), ("r2", "2", "findings"), ("r1", "1", "finding"),
    ]  # fmt: skip
    first = page.locator("#grouped section").first
    assert [text.split()[0] for text in first.locator(".of").all_inner_texts()] == ["critical", "critical"]
    assert not first.locator(".who").first.is_visible()  # the heading says it


def test_grouped_by_project_and_filtered_the_groups_say_how_many_are_shown(opened, wide):
    page = opened(wide)
    choose(page, "List", "project")
    assert [text.split()[-3:] for text in headings(page, "#grouped .title")] == [
        ["project", "38", "findings"],
        ["storefront-production", "38", "findings"],
        ["ledger", "37", "findings"],
        ["identity", "37", "findings"],
    ]
    page.get_by_label("Severity", exact=True).select_option("critical")
    page.get_by_label("Project", exact=True).select_option(label="ledger")
    assert headings(page, "#grouped .title") == ["critical ledger 5 of 37 shown"]
    assert not page.get_by_role("heading", name="Rule 0").is_visible()
    page.get_by_role("button", name="Clear the filters").click()
    choose(page, "List", "rule")
    assert page.locator("section.rule").filter(visible=True).count() == 30
    assert page.locator("#grouped section").count() == 0


def test_grouped_or_not_the_same_findings_are_shown(opened, thirty):
    page = opened(thirty)
    everything = sorted(shown(page))
    for group in ("resource", "team", "nothing", "rule"):
        choose(page, "List", group)
        assert sorted(shown(page)) == everything, group


def test_a_finding_is_a_line_of_the_table(opened, thirty):
    page = opened(thirty)
    choose(page, "Table", "nothing")
    table = page.get_by_role("table", name="Findings")
    assert headings(page, "#table thead th") == ["Severity", "Rule", "Resource", "Team", "Finding"]
    assert table.locator("tbody tr").count() == 30
    first = thirty.results[0]
    assert [" ".join(text.split()) for text in table.locator("tbody tr").first.locator("td").all_inner_texts()] == [
        "critical", "E is critical", "Puller 0 cred-0", "the token's own account",
        f"cred-0 can be used by every project #{first.fingerprint[:12]}",
    ]  # fmt: skip
    page.get_by_label("Sort by", exact=True).select_option("resource")
    names = [text.split("\n")[0] for text in table.locator("tbody [data-of='resource']").all_inner_texts()]
    assert [re.match(r"Puller \d+", name)[0] for name in names] == [f"Puller {number}" for number in range(30)]
    search(page, "puller 7")
    assert table.locator("tbody tr").count() == 3
    assert page.locator("section.rule").filter(visible=True).count() == 0


def test_a_grouped_table_has_a_heading_for_each_group_and_no_column_of_it(opened, thirty):
    page = opened(thirty)
    choose(page, "Table", "rule")
    assert headings(page, "#table tbody th")[:2] == ["E is critical 6 findings", "B is high 6 findings"]
    assert headings(page, "#table thead th") == ["Severity", "Resource", "Team", "Finding"]
    assert page.locator("#table tbody th").first.get_attribute("scope") == "rowgroup"
    page.get_by_label("Severity", exact=True).select_option("high")
    assert headings(page, "#table tbody th") == ["B is high 6 findings"]


def test_from_the_table_links_lead_to_the_finding_and_to_its_rule(opened, thirty):
    page = opened(thirty)
    finding = thirty.results[29].fingerprint
    choose(page, "Table", "nothing")
    page.locator(f"#table a[href='#f-{finding}']").press("Enter")
    lit(page, f"f-{finding}")
    assert page.get_by_role("button", name="List", exact=True).get_attribute("aria-pressed") == "true"
    choose(page, "Table", "team")
    page.locator("#table").get_by_role("link", name="C is info").first.press("Enter")
    expect(page.get_by_role("heading", name="C is info")).to_be_in_viewport()
    assert page.get_by_label("Group by", exact=True).input_value() == "rule"


def test_views_are_chosen_by_keys_alone(opened, thirty):
    page = opened(thirty)
    page.get_by_label("Sort by", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("table", name="Findings")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="Findings")).to_be_hidden()


def test_ten_thousand_findings_in_every_view(opened, report):
    huge = many(report, 10_000)
    page = opened(huge)
    choose(page, "List", "resource")
    expect(page.locator("#grouped section")).to_have_count(10_000)
    search(page, "puller 777")
    assert count(page) == "19 of 10000 findings shown"
    search(page, "")
    choose(page, "Table", "nothing")
    assert page.locator("#table tbody tr").count() == 1_000
    page.get_by_text("The table has the first 1000 of 10000: filter it to see the others.").wait_for()
    page.get_by_label("Severity", exact=True).select_option("info")
    search(page, "puller 9999")
    assert page.locator("#table tbody tr").count() == 1
    assert page.get_by_text("The table has the first").is_hidden()


# -- Accessibility, zoom and paper -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_meets_wcag_2_2_aa(chromium, written, wide, scheme):
    with chromium.new_context(bypass_csp=True, viewport={"width": 1100, "height": 800}, color_scheme=scheme) as made:
        page = made.new_page()
        page.goto(written(replace(wide, results=wide.results[::13])).as_uri())
        page.add_style_tag(content="* { content-visibility: visible !important }")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        rules = {"type": "tag", "values": WCAG} if scheme == "light" else {"type": "rule", "values": ["color-contrast"]}
        for view, group in VIEWS[:: 1 if scheme == "light" else 4]:
            choose(page, view, group)
            assert broken_rules(page, rules) == [], (view, group)


@pytest.mark.parametrize(("width", "height"), [(320, 640), (320, 256)], ids=["a phone", "1280 × 1024 at 400 %"])
def test_nothing_is_wider_than_a_small_screen_and_nothing_covers_it(opened, wide, width, height):
    """WCAG 2.2, 1.4.10: content reflows at 320 CSS pixels; tables may scroll by themselves."""
    page = opened(wide, viewport={"width": width, "height": height})
    for view, group in VIEWS:
        choose(page, view, group)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, group)
    assert page.evaluate("getComputedStyle(document.getElementById('tools')).position") == "static"
    wider = page.locator("#tools select, #tools input, #tools button").evaluate_all(
        "(all) => all.filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.id)"
    )
    assert wider == []


def pages(page: Page, paper: str) -> Iterator[str]:
    """Yield the text of each page of the printed report."""
    content = page.pdf(format=paper)
    done = subprocess.run([needed("pdftotext"), "-layout", "-", "-"], input=content, capture_output=True, check=True)
    yield from done.stdout.decode().split("\f")


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("which", ["full", "wide"])
def test_printed_it_is_a_summary_on_one_page_and_then_the_findings(opened, request, which, paper):
    page = opened(request.getfixturevalue(which))
    first, second, *_ = pages(page, paper)
    for part in ("At a glance", "Violations by severity", page.locator("h1").inner_text()[:30]):
        assert part in first
    assert second.split()[0] == "Violations"  # so the summary ends on the first page
    assert "Copy" not in first + second


def test_printed_from_the_table_the_table_is_on_paper(opened, thirty):
    page = opened(thirty)
    choose(page, "Table", "nothing")
    _, second, *_ = pages(page, "A4")
    assert second.split()[:3] == ["Severity", "Rule", "Resource"]
