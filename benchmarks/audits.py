"""Measures whole audits, as processes: of a file, of many pages, of accounts of three sizes."""

import json
import os
import sys
from pathlib import Path

from measuring import ROOT, compared, credentials, show, timed

from northflank_audit.emulator import Emulator, Plan, load
from tests.sized import LARGE, MEDIUM, SMALL, accounts

IMPORTS = "import requests, tenacity, jinja2, yaml, click"


def whole_audit(folder: str) -> None:
    (Path(folder) / "input.json").write_text(json.dumps({"credentials": credentials(250)}))
    audit = [sys.executable, str(ROOT / "audit.py"), "--input", "input.json"]
    imports = [sys.executable, "-c", IMPORTS]
    mine, other, ratio = compared(lambda: timed(audit, folder, (0, 1)), lambda: timed(imports, folder))
    show("audit of 250 credentials, three reports, against importing the libraries", mine, other, ratio, "≤ 2")


SDK = """
import sys, time
from northflank import ApiClient
client = ApiClient(api_token=sys.argv[2], base_url=sys.argv[1])
found = client.list.registry_credentials.all(per_page=100)
assert len(found.data["credentials"]) == 10000
"""


def pages(folder: str) -> None:
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


TABLE = {"small": (30, 71, 134), "medium": (54, 349, 743), "large": (344, 1984, 4024)}
"""Requests that the API's documentation lets expect: for lists alone, with the details that rules need, with all."""


BOUND = 240
"""Seconds that an audit of the largest account gets: one by one, its requests alone wait for some 150."""


def account(folder: str) -> None:
    """Show the requests of accounts of three sizes, and what it gives the largest to ask side by side."""
    for name, size in {"small": SMALL, "medium": MEDIUM, "large": LARGE}.items():
        found = accounts(size)
        several = ["--all-teams"] if size.teams > 1 else []
        ways = ("never", "auto", "always")
        counts = [_audited(folder, found, [*several, "--details", each])[1] for each in ways]
        for what, count, expected in zip(("lists only", "lean", "everything"), counts, TABLE[name], strict=True):
            print(f"{name} account, {what}: {count} requests (expected of all 46 types: {expected})", flush=True)
    several = ["--all-teams", "--timeout", str(BOUND)]
    found = accounts(LARGE)
    mine, count = _audited(folder, found, several, latency=0.05)
    other, sent = _audited(folder, found, several, latency=0.05, alone=True)
    if sent < count:
        print(f"one by one, the machine managed {sent} of {count} requests in {BOUND} s: the ratio is too high")
    what = f"{count} requests of the large account at 50 ms, side by side against one by one"
    show(what, mine, other, mine / other, "≤ 0.3")


def _audited(
    folder: str, found: object, options: list[str], *, latency: float = 0.0, alone: bool = False
) -> tuple[float, int]:
    """Return the seconds and the requests of an audit by all rules; `alone`: with one request at a time."""
    file = Path(folder) / "sized.json"
    file.write_text(json.dumps(found))
    with Emulator(load(str(file)), Plan(latency=latency, rate_limit=1_000_000)) as server:
        os.environ.update({"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url})
        start = [sys.executable, "-c", ALONE] if alone else [sys.executable, str(ROOT / "audit.py")]
        chosen = ["--rules", "pack:everything", "--format", "json", "--timeout", "900", *options]
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
