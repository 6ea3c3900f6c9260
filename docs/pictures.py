"""Renew the pictures that the pages show (`make picture`); it needs chromium.

What is shown runs in a folder of its own, so that no picture tells anything of the machine it was made on.
"""

import datetime as dt
import io
import json
import os
import pty
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import msgspec
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from northflank_audit.formats import mailbody  # noqa: E402 - found by the line above
from northflank_audit.history.database import Database  # noqa: E402 - as above
from northflank_audit.history.evidence_collection import evidence  # noqa: E402 - as above
from northflank_audit.history.evidence_pack import pack_files  # noqa: E402 - as above
from northflank_audit.history.site import read_site, site_files  # noqa: E402 - as above
from northflank_audit.remarks import Waiver  # noqa: E402 - as above
from northflank_audit.report import Report  # noqa: E402 - as above
from tests.conftest import resource, rule  # noqa: E402 - as above
from tests.history.conftest import Account  # noqa: E402 - as above

AUDIT = HERE.parent / "audit.py"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #191919; color: #d9d9d9; display: inline-block }}
pre {{ margin: 0; padding: 20px 24px; font: 14px/1.45 "DejaVu Sans Mono", monospace }}
</style><pre>{code}</pre>"""


def shoot(
    html: str,
    picture: Path,
    *,
    width: int,
    height: int | None = None,
    dark: bool = False,
    act: Callable[[Page], object] = lambda _page: None,
) -> None:
    """Write a picture of a page, `width` × `height` CSS pixels; without a height, as high as the page is.

    `act` does first what a reader would. The page can't ask for anything: it is given as text, and the browser is
    offline.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            viewport={"width": width, "height": height or 100},
            color_scheme="dark" if dark else "light",
            offline=True,
        )
        page.set_content(html)
        act(page)
        page.screenshot(path=picture, full_page=height is None)
        browser.close()


def terminal(command: str, output: str) -> str:
    """Return a page that shows a command and what it printed, with its colours."""
    console = Console(record=True, file=io.StringIO(), legacy_windows=False)
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))
    console.print(Text.from_ansi(output.rstrip()), soft_wrap=True)
    return console.export_html(theme=DIMMED_MONOKAI, inline_styles=True, code_format=TERMINAL)


def demo(folder: str) -> str:
    """Run the demo as on a terminal, in a folder, and return what it printed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(AUDIT), "--demo", "--no-progress"]
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    printed: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, printed))
    reader.start()
    done = subprocess.run(command, cwd=folder, env=environment, stdout=theirs, check=False)  # noqa: S603
    os.close(theirs)
    reader.join()
    os.close(ours)
    if done.returncode != 1:
        sys.exit(f"the demo ended with exit code {done.returncode}")
    return b"".join(printed).decode().replace("\r\n", "\n")


def _read(descriptor: int, printed: list[bytes]) -> None:
    """Read until the other end is closed, which Linux tells by an error."""
    try:
        while part := os.read(descriptor, 65536):
            printed.append(part)
    except OSError:
        pass


def weekly(folder: str) -> Report:
    """Audit the sample account once more, compared with a report of the week before, and return that report.

    No sample account changes, so the earlier report is made up: two of its violations were not there, and one was.
    """
    earlier = Path(folder, "earlier.json")
    report = json.loads(Path(folder, "reports/report.json").read_text(encoding="utf-8"))
    failed = [each for each in report["results"] if each["status"] == "fail"]
    fixed = deepcopy(failed[6])
    fixed["resource"] |= {"id": "harbor-staging", "name": "Harbor staging"}
    fixed["message"] = fixed["message"].replace(failed[6]["resource"]["name"], "Harbor staging")
    report["results"] = [each for each in report["results"] if each not in (failed[3], failed[7])] + [fixed]
    finished = dt.datetime.fromisoformat(report["run"]["finishedAt"]) - dt.timedelta(weeks=1)
    report["run"]["finishedAt"] = finished.isoformat()
    earlier.write_text(json.dumps(report), encoding="utf-8")
    command = [sys.executable, str(AUDIT), "--demo", "--quiet", "--compare", earlier.name]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    return msgspec.json.decode(Path(folder, "reports/report.json").read_bytes(), type=Report)


def history() -> tuple[str, str]:
    """Return the evidence of a quarter, and a page of the site about it, of a made-up account with daily runs."""
    start, day = dt.datetime(2026, 10, 1, 6, tzinfo=dt.UTC), dt.timedelta(days=1)
    controls = {"soc2": ["CC6.1"], "nist-800-53": ["AC-6"]}
    rules = [
        rule(id=f"registry-credential-{name}", title=title, require=f"!credential.{field}", severity=severity,
             message=f"{{name}} {said}", controls=controls)
        for name, title, field, severity, said in (
            ("unrestricted", "Registry credentials are restricted", "a", "high", "can be used by every project"),
            ("url-credentials", "Addresses have no password", "b", "critical", "has a password in its address"),
            ("description-missing", "Registry credentials are described", "c", "low", "has no description"),
            ("old", "Registry credentials are rotated", "d", "medium", "was not rotated for a year"),
        )
    ]  # fmt: skip
    waiver = Waiver(
        rule="*-old", resource="harbor-staging", reason="Migrated in Q1, ticket OPS-12", owner="platform@example.com",
        expires=dt.date(2027, 1, 31),
    )  # fmt: skip
    names = [f"{kind}-{stage}" for kind in ("ghcr", "harbor", "ecr", "gitlab") for stage in ("production", "staging")]
    chance = random.Random(4)  # noqa: S311 - what is made up is the same each time
    missed, incomplete = (40, 41), (17, 48, 79)
    spans = {
        (name, field): [
            (begin, begin + chance.choice([9, 20, 60]))
            for begin in chance.sample(range(-20, 92), chance.choice([0, 1, 1, 2]))
        ]
        for name in names
        for field in "abcd"
    }
    with tempfile.TemporaryDirectory() as folder:
        account = Account(Database.of(f"{folder}/history.db"))
        for number in range(92):
            found = [
                resource(id=name, name=name.replace("-", " ").capitalize(), team="payments", **{
                    field: any(begin <= number < end for begin, end in spans[name, field]) for field in "abcd"
                })
                for name in names
            ]  # fmt: skip
            if number not in missed:
                account.audited(*found, rules=rules, at=start + number * day, teams=("payments",),
                                waivers=[waiver], seen=number not in incomplete)  # fmt: skip
        with account.database.reading() as connection:
            now = start + 92 * day
            pack = evidence(connection, start.date(), dt.date(2026, 12, 31), now=now, version="1.0.0")
            site = read_site(connection, now, every=day)
    page = next(text for name, text in site_files(site) if name.startswith("account-"))
    return pack_files(pack)["index.html"].decode(), page


def only_the_trend(page: Page) -> None:
    """Show the chart and nothing else."""
    page.evaluate("document.body.replaceChildren(document.querySelector('figure'))")


def past() -> None:
    """Renew the pictures of the history."""
    pack, page = history()
    shoot(pack, HERE / "history-evidence.png", width=900, height=990)
    shoot(page, HERE / "history-site.png", width=1000, height=900)
    shoot(page, HERE / "history-trend.png", width=900, act=only_the_trend)


def as_table(page: Page) -> None:
    """Show the findings as a table, by project."""
    page.select_option("#group", "project")
    page.click("#as-table")
    page.evaluate("document.getElementById('findings').scrollIntoView()")


def main() -> None:
    """Renew all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        output = demo(folder)
        report = weekly(folder)
        page = Path(folder, "reports/report.html").read_text(encoding="utf-8")
    attachment = f"The whole report is attached: report-{report.run.finished_at:%Y-%m-%d}.html."
    shoot(page, HERE / "report.png", width=1100, height=1150)
    shoot(page, HERE / "report-dark.png", width=1100, height=1150, dark=True)
    shoot(page, HERE / "report-table.png", width=1100, height=900, act=as_table)
    shoot(mailbody.html(report, attachment), HERE / "mail.png", width=700, height=1150)
    past()
    shoot(terminal("python audit.py --demo", output), HERE / "terminal.png", width=1280)


if __name__ == "__main__":
    main()
