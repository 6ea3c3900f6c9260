"""Renew the pictures that the pages show (`make picture`); it needs chromium.

What is shown runs in a folder of its own, so that no picture tells anything of the machine it was made on.
"""

import datetime as dt
import io
import json
import os
import pty
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

from docs.history_pictures import history, only_the_trend  # noqa: E402 - found by the line above
from northflank_audit import __version__  # noqa: E402 - as above
from northflank_audit.fleet.fleet_pages import render_html  # noqa: E402 - as above
from northflank_audit.fleet.fleet_report import (  # noqa: E402 - as above
    FamilyVerdicts,
    FleetReport,
    FleetRun,
    Target,
    not_started,
)
from northflank_audit.formats import mailbody  # noqa: E402 - as above
from northflank_audit.model import Severity, fingerprint  # noqa: E402 - as above
from northflank_audit.report import Report, Summary, Tool  # noqa: E402 - as above

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
    mirror = next(each for each in failed if each["resource"]["id"] == "harbor-staging-mirror")
    fixed = deepcopy(mirror)
    fixed["resource"] |= {"id": "harbor-staging", "name": "Harbor staging"}
    fixed["message"] = fixed["message"].replace(mirror["resource"]["name"], "Harbor staging")
    fixed["fingerprint"] = fingerprint(mirror["ruleId"], ("registry-credential", None, None, "harbor-staging"))
    report["results"] = [each for each in report["results"] if each not in (failed[3], failed[7])] + [fixed]
    finished = dt.datetime.fromisoformat(report["run"]["finishedAt"]) - dt.timedelta(weeks=1)
    report["run"]["finishedAt"] = finished.isoformat()
    earlier.write_text(json.dumps(report), encoding="utf-8")
    command = [sys.executable, str(AUDIT), "--demo", "--quiet", "--compare", earlier.name]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    return msgspec.json.decode(Path(folder, "reports/report.json").read_bytes(), type=Report)


def customers() -> FleetReport:
    """Return the report of a made-up fleet: what an audit finds differs from customer to customer."""
    end = dt.datetime(2026, 11, 23, 6, 4, tzinfo=dt.UTC)
    run = FleetRun(id="9f3b1c5e7a2d4860", started_at=end - dt.timedelta(minutes=4), finished_at=end)
    high, medium, low = Severity.HIGH, Severity.MEDIUM, Severity.LOW
    found: dict[str, dict[str, tuple[int, Severity]]] = {
        "acme": {"registries": (3, high), "network": (1, Severity.CRITICAL), "data": (2, medium)},
        "globex": {"registries": (2, high), "workloads": (4, medium)},
        "hooli": {"secrets": (1, medium)},
        "initech": {"registries": (1, low), "access": (2, low)},
        "stark": {},
        "tyrell": {},
        "wayne": {},
    }
    targets = [_customer(name, open_, run, blind=name == "globex") for name, open_ in found.items()]
    targets.append(
        not_started(
            "umbrella", "no API token: the environment variable UMBRELLA_TOKEN (token-env) is not set, or is empty", run
        )
    )
    return FleetReport.of(Tool("northflank-audit", __version__), run, targets)


def _customer(name: str, open_: dict[str, tuple[int, Severity]], run: FleetRun, *, blind: bool) -> Target:
    """Return the outcome of a customer, given the violations by family; `blind` is one that was not seen whole."""
    names = ("registries", "access", "network", "workloads", "data", *(["secrets"] if "secrets" in open_ else []))
    unknown = 3 if blind else 0
    families = {
        family: FamilyVerdicts(
            passed=12,
            fail=open_.get(family, (0, None))[0],
            worst=open_.get(family, (0, None))[1],
            unknown=unknown if family == "data" else 0,
        )
        for family in names
    }
    by_severity = {severity.value: 0 for severity in Severity}
    for count, severity in open_.values():
        by_severity[severity.value] += count
    fail = sum(by_severity.values())
    summary = Summary(
        passed=12 * len(names),
        fail=fail,
        unknown=unknown,
        error=0,
        notapplicable=0,
        waived=0,
        fail_by_severity=by_severity,
    )
    return Target(
        name=name,
        exit_code=3 if blind else int(fail > 0),
        complete=not blind,
        summary=summary,
        incomplete_reasons=["GET /v1/projects/shop/addons: 403 Forbidden", "3 verdicts are unknown"] if blind else [],
        report=f"{name}/report.json",
        reports={"html": f"{name}/report.html", "json": f"{name}/report.json"},
        families=families,
        run=run,
    )


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
    shoot(render_html(customers()), HERE / "fleet.png", width=1200, height=1000)
    past()
    shoot(terminal("python audit.py --demo", output), HERE / "terminal.png", width=1280)


if __name__ == "__main__":
    main()
