"""The pages about the past in a real browser: no request, links that hold, axe-core without a violation."""

import datetime as dt
import json
from pathlib import Path

import pytest

from northflank_audit.history.database import Database
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import pack_files
from northflank_audit.history.past import Holder
from northflank_audit.history.site import read_site, site_files
from northflank_audit.remarks import Waiver
from tests.browser.conftest import watched
from tests.conftest import needed_package, resource, rule
from tests.history.conftest import START, Account
from tests.validators import nu_messages

HOSTILE = "<script>alert(1)</script>\" onload='x' ${7*7} {{ 7*7 }}"
OPEN = rule(id="open", title="Open", require="!credential.open", severity="high", controls={"soc2": ["CC6.1"]})
NAMED = rule(id="named", title="Named", require="credential.name != ''", severity="low")
DAY = dt.timedelta(days=1)
NOW = START + 40 * DAY


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """Write the pages of three accounts: forty runs with hostile names, one run, and one without a violation."""
    folder = tmp_path_factory.mktemp("pages")
    database = Database.of(str(folder / "history.db"))
    busy = Account(database, Holder("api.northflank.com", f"acme {HOSTILE}"))
    for day in range(40):
        found = [
            resource(id=f"c{n} {HOSTILE}", name="" if n == 3 else HOSTILE, open=(n + day) % 7 != 0) for n in range(9)
        ]
        waiver = Waiver(rule="*", resource="c1*", reason=HOSTILE, owner=HOSTILE, expires=dt.date(2027, 1, 1))
        busy.audited(*found, rules=[OPEN, NAMED], at=START + day * DAY, waivers=[waiver], seen=day % 9 != 4)
    Account(database, Holder("h", "one")).audited(resource(id="a", name="a", open=True), rules=[OPEN], at=START)
    Account(database, Holder("h", "none")).audited(rules=[OPEN], at=START)
    with database.reading() as connection:
        files = dict(site_files(read_site(connection, NOW, every=DAY)))
        pack = evidence(connection, START.date(), NOW.date(), now=NOW, version="1")
    for name, text in {**files, "evidence.html": pack_files(pack)["index.html"].decode()}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def kinds(folder: Path) -> list[Path]:
    """Return one page of each kind."""
    every = sorted(folder.glob("*.html"))
    return list({path.name.partition("-")[0]: path for path in every}.values())


def test_each_kind_of_page_is_accessible_and_asks_for_nothing(pages, chromium):
    axe = needed_package("axe-core/axe.min.js").read_text()
    for path in kinds(pages):
        for scheme in ("light", "dark"):
            with watched(chromium, path, "", color_scheme=scheme, bypass_csp=True) as page:
                page.evaluate(axe)
                found = page.evaluate("axe.run()")["violations"]
                assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path.name


def test_pages_hold_on_a_phone(pages, chromium):
    for path in kinds(pages):
        with watched(chromium, path, "", viewport={"width": 320, "height": 640}) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path.name


def test_every_link_leads_somewhere(pages, chromium):
    names = {path.name for path in pages.glob("*.html")}
    for path in kinds(pages):
        with watched(chromium, path, "") as page:
            links = page.evaluate("[...document.links].map((link) => link.getAttribute('href'))")
            for link in links:
                file, _, anchor = link.partition("#")
                assert not file or file in names, link
                target = (pages / file if file else path).read_text()
                assert not anchor or f'id="{anchor}"' in target, link


def test_filters_are_kept_in_the_address(pages, chromium):
    account = max(pages.glob("account-*.html"), key=lambda path: path.stat().st_size)
    rows = "table.filterable tbody tr:visible"
    with watched(chromium, account, "") as page:
        every = page.locator(rows).count()
        page.get_by_label("Filter").fill("named")
        named = page.locator(rows).count()
        page.get_by_label("Filter").fill("")
        page.get_by_label("Severity").select_option("high")
        high = page.locator(rows).count()
        page.get_by_label("State").select_option("resolved")
        both = page.locator(rows).count()
        assert 0 < named < every
        assert 0 < both < high < every
        assert page.get_by_role("status").text_content() == f"{both} of {every}"
        kept = page.evaluate("location.hash")
    with watched(chromium, account, kept) as page:
        assert page.locator(rows).count() == both
        assert page.get_by_label("State").input_value() == "resolved"
    with watched(chromium, account, "#state=%00nonsense&filter=&severity[]=1") as page:
        assert page.locator(rows).count() == every


def test_a_run_can_be_linked_to_and_the_keyboard_reaches_everything(pages, chromium):
    finding = max(pages.glob("finding-*.html"), key=lambda path: path.stat().st_size)
    with watched(chromium, finding, "") as page:
        link = page.locator("tbody td a").first.get_attribute("href")
    account, _, run = link.partition("#")
    with watched(chromium, pages / account, f"#{run}") as page:
        assert page.locator(":target").bounding_box()["y"] < page.viewport_size["height"]
        page.keyboard.press("Shift+Tab")
        seen = set()
        for _ in range(3 + page.locator("a, input, select, summary, [tabindex='0']").count()):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement.tagName"))
        assert {"A", "INPUT", "SELECT", "SUMMARY", "DIV"} <= seen


def test_printed_pages_show_everything_but_the_filters(pages, chromium):
    account = max(pages.glob("account-*.html"), key=lambda path: path.stat().st_size)
    with watched(chromium, account, "", color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert not page.get_by_label("Filter").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator(".figures li").first.is_visible(), "the text of the chart"


def test_one_run_is_no_trend(pages, chromium):
    one = next(path for path in pages.glob("account-*.html") if "h/<wbr>one/" in path.read_text())
    with watched(chromium, one, "") as page:
        assert "There is only one run so far." in page.locator("main").inner_text()
        assert page.locator("table.filterable tbody tr").count() == 1


def test_the_pages_are_valid_html(pages):
    problems = [each for each in nu_messages(kinds(pages)) if each["type"] == "error"]
    assert problems == [], json.dumps(problems, indent=1)[:3000]
