"""The figures of benchmarks/README.md: each a ratio of two things measured in turn, in one run.

    make bench            all of them
    make bench ONLY=rules one of them: startup, audit, rules, pages, html, account

Cloud Custodian is installed into a virtual environment of its own, benchmarks/.venv.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PEER = HERE / ".venv"
C7N = "c7n==0.9.53"
ROUNDS = 9
sys.path.insert(0, str(ROOT))

IMPORTS = "import requests, tenacity, jinja2, yaml, click"

C7N_FILTERS = """
import json, sys, time
from c7n.filters import ValueFilter
records = json.load(open(sys.argv[1]))
filters = [ValueFilter(data) for data in (
    {"type": "value", "key": "restrictions.restricted", "value": True},
    {"type": "value", "key": "provider", "op": "in", "value": ["github", "dockerhub"]},
    {"type": "value", "key": "name", "op": "ne", "value": "credential 7"},
    {"type": "value", "key": "description", "op": "ne", "value": ""},
    {"type": "value", "key": "restrictions.projects", "value_type": "size", "op": "lt", "value": 6},
)]
start = time.perf_counter()
matched = sum(len(item.process(records)) for item in filters)  # as a policy does: each filter over all
print(time.perf_counter() - start, matched)
"""

RULES = [
    "credential.restrictions.restricted",
    "credential.provider in ['github', 'dockerhub']",
    "credential.name != 'credential 7'",
    "credential.description != ''",
    "size(credential.restrictions.projects) < 6",
]


def credentials(count: int) -> list[dict[str, object]]:
    providers = ["github", "dockerhub", "gitlab", "custom"]
    return [
        {
            "id": f"credential-{n}", "name": f"{'C' if n % 7 == 0 else 'c'}redential {n}",
            "description": "" if n % 5 == 0 else "For builds", "provider": providers[n % 4],
            "restrictions": {"restricted": n % 9 != 0, "projects": [f"project-{p}" for p in range(n % 8)]},
        }
        for n in range(count)
    ]  # fmt: skip


def timed(command: list[str], cwd: str, codes: tuple[int, ...] = (0,)) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in codes:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr.decode()}")
    return seconds


def compared(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Return the medians of both, measured in turn, and the median of the ratios ours / theirs."""
    pairs = [(ours(), theirs()) for _ in range(rounds + 1)][1:]  # the first warms the caches
    mine, other = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(other), statistics.median(a / b for a, b in pairs)


def peer_python() -> str:
    python = PEER / "bin" / "python"
    if not python.exists():
        subprocess.run([os.environ.get("PYTHON", "python3"), "-m", "venv", str(PEER)], check=True)
    if not (PEER / "bin" / "custodian").exists():
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", C7N], check=True)
    return str(python)


def startup(folder: str) -> None:
    peer_python()
    audit = [sys.executable, str(ROOT / "audit.py"), "--version"]
    custodian = [str(PEER / "bin" / "custodian"), "version"]
    mine, other, ratio = compared(lambda: timed(audit, folder), lambda: timed(custodian, folder))
    show("start-up: --version against `custodian version`", mine, other, ratio, "≤ 0.5")


def whole_audit(folder: str) -> None:
    (Path(folder) / "input.json").write_text(json.dumps({"credentials": credentials(250)}))
    audit = [sys.executable, str(ROOT / "audit.py"), "--input", "input.json"]
    imports = [sys.executable, "-c", IMPORTS]
    mine, other, ratio = compared(lambda: timed(audit, folder, (0, 1)), lambda: timed(imports, folder))
    show("audit of 250 credentials, three reports, against importing the libraries", mine, other, ratio, "≤ 2")


def rules(folder: str) -> None:
    import datetime as dt

    from northflank_audit.model import Resource, Status
    from northflank_audit.policy.engine import Engine
    from northflank_audit.policy.rules.rulebook import load

    records = credentials(20_000)
    file = Path(folder) / "records.json"
    file.write_text(json.dumps(records))
    entries = [{"id": f"r{n}", "title": "t", "severity": "low", "require": rule} for n, rule in enumerate(RULES)]
    engine = Engine(load([("rules", json.dumps({"rules": entries}))]), dt.datetime.now(dt.UTC))
    resources = [Resource(id=str(r["id"]), name=None, team=None, record=r) for r in records]
    holds = None

    def ours() -> float:
        nonlocal holds
        start = time.perf_counter()
        holds = sum(verdict.status is Status.PASS for verdict in engine.evaluate(resources))
        return time.perf_counter() - start

    def theirs() -> float:
        command = [peer_python(), "-c", C7N_FILTERS, str(file)]
        seconds, matched = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        if int(matched) != holds:
            raise SystemExit(f"not the same work: {holds} verdicts hold here, {matched} matches there")
        return float(seconds)

    mine, other, ratio = compared(ours, theirs)
    show("five rules over 20,000 credentials against c7n's value filters", mine, other, ratio, "≤ 0.5")


SDK = """
import sys, time
from northflank import ApiClient
client = ApiClient(api_token=sys.argv[2], base_url=sys.argv[1])
found = client.list.registry_credentials.all(per_page=100)
assert len(found.data["credentials"]) == 10000
"""


def pages(folder: str) -> None:
    from northflank_audit.emulator import Emulator, Plan, load

    account = Path(folder) / "account.json"
    account.write_text(json.dumps({"credentials": credentials(10_000)}))
    latency = 0.05
    with Emulator(load(str(account)), Plan(latency=latency, rate_limit=1_000_000)) as server:
        environment = {"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url}
        os.environ.update(environment)
        audit = [
            sys.executable,
            str(ROOT / "audit.py"),
            "--rule",
            "registry-credential-unrestricted",
            "--format",
            "json",
        ]
        sdk = [sys.executable, "-c", SDK, server.url, server.token]
        mine, other, ratio = compared(lambda: timed(audit, folder, (1,)), lambda: timed(sdk, folder), rounds=5)
    show("100 pages at 50 ms against the official SDK's all()", mine, other, ratio, "< 1")
    show("100 pages at 50 ms against 100 × 50 ms", mine, 100 * latency, mine / (100 * latency), "≤ 1.15")


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


def html(folder: str) -> None:
    import html as escaping

    import msgspec
    from playwright.sync_api import sync_playwright

    from northflank_audit.formats import FORMATS
    from northflank_audit.report import Report

    def report(count: int) -> Report:
        """Return the report of an audit of so many credentials, each of which violates one rule."""
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
    texts = (f"<li>{escaping.escape(each.message)} {each.resource.id} {each.fingerprint}" for each in few.results)
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


TABLE = {"small": (30, 71, 134), "medium": (54, 349, 743), "large": (344, 1984, 4024)}
"""Requests that the API's documentation lets expect: for lists alone, with the details that rules need, with all."""


def account(folder: str) -> None:
    """Show the requests of accounts of three sizes, and what it gives the largest to ask side by side."""
    from tests.sized import LARGE, MEDIUM, SMALL, accounts

    for name, size in {"small": SMALL, "medium": MEDIUM, "large": LARGE}.items():
        found = accounts(size)
        several = ["--all-teams"] if size.teams > 1 else []
        ways = ("never", "auto", "always")
        counts = [_audited(folder, found, [*several, "--details", each])[1] for each in ways]
        for what, count, expected in zip(("lists only", "lean", "everything"), counts, TABLE[name], strict=True):
            print(f"{name} account, {what}: {count} requests (expected of all 46 types: {expected})", flush=True)
    several = ["--all-teams"]
    found = accounts(LARGE)
    mine, count = _audited(folder, found, several, latency=0.05)
    other, _ = _audited(folder, found, several, latency=0.05, alone=True)
    show(
        f"{count} requests of the large account at 50 ms, side by side against one by one",
        mine,
        other,
        mine / other,
        "≤ 0.3",
    )


def _audited(
    folder: str, found: object, options: list[str], *, latency: float = 0.0, alone: bool = False
) -> tuple[float, int]:
    """Return the seconds and the requests of an audit by all rules; `alone`: with one request at a time."""
    from northflank_audit.emulator import Emulator, Plan, load

    file = Path(folder) / "sized.json"
    file.write_text(json.dumps(found))
    with Emulator(load(str(file)), Plan(latency=latency, rate_limit=1_000_000)) as server:
        os.environ.update({"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url})
        start = [sys.executable, "-c", ALONE] if alone else [sys.executable, str(ROOT / "audit.py")]
        chosen = ["--rules", "pack:everything", "--format", "json", "--timeout", "3000", *options]
        seconds = timed([*start, *chosen], folder, (0, 1, 3))
    report = json.loads((Path(folder) / "reports/report.json").read_text())
    return seconds, int(report["coverage"]["requests"])


ALONE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from northflank_audit.northflank import client
client.CONNECTIONS = 1
from northflank_audit.cli.app import main
main()
"""
"""The audit with one request at a time."""


def show(what: str, mine: float, other: float, ratio: float, reach: str) -> None:
    print(f"{what}: {mine:.3f} s / {other:.3f} s = {ratio:.2f} (to reach: {reach})", flush=True)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as users have it: modules and templates are compiled once
    wanted = os.environ.get("ONLY", "")
    with tempfile.TemporaryDirectory() as scratch:
        for name, measure in {
            "startup": startup,
            "audit": whole_audit,
            "rules": rules,
            "pages": pages,
            "html": html,
            "account": account,
        }.items():
            if wanted in ("", name):
                measure(scratch)
