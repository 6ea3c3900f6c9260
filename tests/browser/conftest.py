"""A real browser, which opens reports as files and minds everything that they try."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from northflank_audit.formats import FORMATS
from northflank_audit.model import Result, Severity, fingerprint
from northflank_audit.report import BaselineRun, Comparison, Report
from tests.conftest import NET, needed
from tests.formats.conftest import (
    HOSTILE,
    RULES,
    clean,
    full,
    incomplete,
    poisoned,
    report,
    result,
    with_account,
)

__all__ = ["clean", "full", "incomplete", "report", "with_account"]

TEAMS = (None, "payments", "data")
SEVERITIES = list(reversed(Severity))


def many(report: Report, count: int) -> Report:
    """Return a report of so many violations, by five rules of five severities, of three accounts; each tenth is new."""
    rules = [
        replace(RULES[1], id=f"rule-{severity}", title=f"{'EBDAC'[number]} is {severity}", severity=severity, counts={})
        for number, severity in enumerate(SEVERITIES)
    ]
    results = sorted((_one(rules[number % 5].id, number) for number in range(count)), key=lambda each: each.order)
    fails = Counter(each.rule_id for each in results)
    return replace(
        report,
        rules=[replace(rule, counts={"pass": 0, "fail": fails[rule.id], "waived": 0}) for rule in rules],
        compliance=[],
        results=results,
        comparison=Comparison(
            baseline=BaselineRun(
                id="fedcba9876543210",
                finished_at=dt.datetime(2026, 11, 17, 6, 0, 3, tzinfo=dt.UTC),
                complete=True,
                source=report.run.source,
            ),
            new=sum(each.state == "new" for each in results),
            ongoing=sum(each.state == "ongoing" for each in results),
        ),
        resolved=[],
        unsettled=[],
        summary=replace(
            report.summary,
            fail=count,
            waived=0,
            unknown=0,
            fail_by_severity={severity.value: fails[f"rule-{severity}"] for severity in Severity},
        ),
        coverage=replace(report.coverage, resources=count, results=count),
    )


def _one(rule: str, number: int) -> Result:
    name, team = f"cred-{number}", TEAMS[number % 3]
    made = result(rule, name, severity=SEVERITIES[number % 5], state="new" if number % 10 == 9 else "ongoing")
    return replace(
        made,
        resource=replace(made.resource, name=f"Puller {number}", team=team),
        fingerprint=fingerprint(rule, ("registry-credential", team, None, name)),
    )


def spoiled(full: Report, word: str) -> Report:
    """Return the full report with hostile text in every field; fingerprints are what they can be, which is hashes."""
    made = poisoned(full, f"{HOSTILE} <img src=x onerror=alert(1)> {{% raw %}} \U0001f468\u200d\U0001f469 {word}")

    def marked(results: list[Result] | UnsetType, kind: str) -> list[Result]:
        assert results is not UNSET
        return [
            replace(
                each,
                fingerprint=fingerprint(kind, ("registry-credential", None, None, str(n))),
                resource=replace(each.resource, team=each.resource.team if n else None),
            )
            for n, each in enumerate(results)
        ]

    return replace(
        made,
        results=marked(made.results, "today"),
        resolved=marked(made.resolved, "resolved"),
        unsettled=marked(made.unsettled, "unsettled"),
    )


@pytest.fixture
def hostile(full: Report) -> Report:
    return spoiled(full, "W" * 100)


@pytest.fixture
def endless(full: Report) -> Report:
    """Hostile as well, with a word that is too long for any line."""
    return spoiled(full, "W" * 10_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the browser once, without anything that it does by itself."""
    path = needed("chromium")
    expect.set_options(timeout=NET * 1000)
    quiet = ["background-networking", "component-update", "sync", "gpu", "quic"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in quiet)]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Report], Path]:
    """Write a report down as HTML, each text once."""
    folder = tmp_path_factory.mktemp("reports")

    @cache
    def path(text: str) -> Path:
        made = folder / f"report-{len(list(folder.iterdir()))}.html"
        made.write_text(text, encoding="utf-8")
        return made

    return lambda report: path(FORMATS["html"].render(report))


@contextmanager
def watched(browser: Browser, path: Path, fragment: str, **context: Any) -> Iterator[Page]:
    """Open a file, and see to it that it asks for nothing else, says nothing and runs nothing it should not."""
    with browser.new_context(**context) as made:
        made.set_default_timeout(NET * 1000)
        page, seen = made.new_page(), []

        def asked(request: Request) -> None:
            if request.url.partition("#")[0] not in (path.as_uri(), "data:,"):
                seen.append(f"request: {request.url}")

        made.on("request", asked)
        made.on("page", lambda other: seen.append(f"window: {other.url}"))
        page.on("dialog", lambda dialog: (seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.goto(path.as_uri() + fragment)
        yield page
        page.wait_for_timeout(20)  # milliseconds for what it may have set off
        assert seen == []


@pytest.fixture
def opened(chromium: Browser, written: Callable[[Report], Path]) -> Iterator[Callable[..., Page]]:
    """Open a report in the browser; what a context takes may be given."""
    with ExitStack() as stack:

        def page(report: Report, fragment: str = "", **context: Any) -> Page:
            size = {"viewport": {"width": 1100, "height": 800}}
            return stack.enter_context(watched(chromium, written(report), fragment, **(size | context)))

        yield page
