"""Measures the HTML report: rendering it, opening it in Chromium, and searching in it."""

import html
import json
import sys
import time
from pathlib import Path

import msgspec
from measuring import ROOT, compared, credentials, show, timed
from playwright.sync_api import sync_playwright

from northflank_audit.formats import FORMATS
from northflank_audit.report import Report

SEARCH = """(text) => {
    const begun = performance.now();
    document.getElementById("text").value = text;
    document.getElementById("severity").dispatchEvent(new Event("change"));  // filters at once
    document.body.getBoundingClientRect();
    return performance.now() - begun;
}"""
BROWSER = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
)


def report_page(folder: str) -> None:
    def report(count: int) -> Report:
        """Return the report of an audit of this many credentials, each of which violates one rule."""
        records = [each | {"restrictions": {"restricted": False}} for each in credentials(count)]
        (Path(folder) / "many.json").write_text(json.dumps({"credentials": records}))
        audit = [sys.executable, str(ROOT / "audit.py"), "--input", "many.json", "--format", "json"]
        timed([*audit, "--rule", "registry-credential-unrestricted"], folder, (1,))
        return msgspec.json.decode((Path(folder) / "reports/report.json").read_bytes(), type=Report)

    def rendered(report: Report) -> float:
        start = time.perf_counter()
        FORMATS["html"].render(report)
        return time.perf_counter() - start

    few, many = report(10_000), report(100_000)
    mine, other, ratio = compared(lambda: rendered(many), lambda: rendered(few), rounds=3)
    show("100,000 violations as HTML against 10,000", mine, other, ratio, "≤ 3")
    page = Path(folder) / "report.html"
    page.write_text(FORMATS["html"].render(few))
    plain = Path(folder) / "plain.html"
    texts = (f"<li>{html.escape(each.message)} {each.resource.id} {each.fingerprint}" for each in few.results)
    plain.write_text("<!doctype html><meta charset=utf-8><ul>" + "".join(texts))
    with sync_playwright() as playwright:
        tab = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=BROWSER).new_page()

        def opened(path: Path) -> float:
            start = time.perf_counter()
            tab.goto(path.as_uri())
            return time.perf_counter() - start

        mine, other, ratio = compared(lambda: opened(page), lambda: opened(plain), rounds=5)
        show("opening the report of 10,000 violations against a bare list of their texts", mine, other, ratio, "≤ 8")
        opened(page)

        def filtered() -> float:
            return float(sum(tab.evaluate(SEARCH, text) for text in ("credential 77", ""))) / 2000

        mine, other, ratio = compared(filtered, lambda: other, rounds=5)
        show("a search among them against opening that bare list", mine, other, ratio, "≤ 1")
