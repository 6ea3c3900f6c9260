"""Measures whole audits, as processes: of a file, of many pages, of accounts of three sizes."""

import json
import os
import resource
import sys
from pathlib import Path

from measuring import ROOT, compared, credentials, processor, show, timed

from northflank_audit.emulator import Emulator, Plan, load
from northflank_audit.northflank.client import CONNECTIONS
from tests.sized import LARGE, MEDIUM, SMALL, accounts

IMPORTS = "import requests, tenacity, jinja2, yaml, click"


def whole_audit(folder: str) -> None:
    (Path(folder) / "input.json").write_text(json.dumps({"credentials": credentials(250)}))
    audit = [sys.executable, str(ROOT / "audit.py"), "--input", "input.json"]
    imports = [sys.executable, "-c", IMPORTS]
    mine, other, ratio = compared(lambda: processor(audit, folder, (0, 1)), lambda: processor(imports, folder))
    show("audit of 250 credentials, three reports, against importing the libraries", mine, other, ratio, "≤ 1.4")


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


LATENCY = 0.05
"""Seconds for which the emulator waits before each answer."""


def account(folder: str) -> None:
    """Show the requests of accounts of three sizes, and the time of the largest against what its waits take."""
    for name, size in {"small": SMALL, "medium": MEDIUM, "large": LARGE}.items():
        found = accounts(size)
        several = ["--all-teams"] if size.teams > 1 else []
        ways = ("never", "auto", "always")
        counts = [_audited(folder, found, [*several, "--details", each])[1] for each in ways]
        for what, count, expected in zip(("lists only", "lean", "everything"), counts, TABLE[name], strict=True):
            print(f"{name} account, {what}: {count} requests (expected of all 46 types: {expected})", flush=True)
    sent = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    mine, count = _audited(folder, accounts(LARGE), ["--all-teams"], latency=LATENCY)
    done = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    least = count * LATENCY / CONNECTIONS
    show(
        f"{count} requests of the large account at 50 ms, against {count} × 50 ms / 8",
        mine,
        least,
        mine / least,
        "≤ 1.25",
    )
    for what, one, other in zip(("audit", "emulator"), sent, done, strict=True):
        seconds = other.ru_utime + other.ru_stime - one.ru_utime - one.ru_stime
        print(f"processor time of the {what}: {seconds:.1f} s", flush=True)
    bare = _bare(folder, count)
    show("the same, against as many requests by eight threads that do nothing else", mine, bare, mine / bare, "-")


BARE = """
import sys, threading, requests
url, token, count = sys.argv[1:]
numbers, lock = iter(range(int(count))), threading.Lock()
def ask():
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        while True:
            with lock:
                if next(numbers, None) is None:
                    return
            session.get(f"{url}/v1/teams/team-1/projects").raise_for_status()
threads = [threading.Thread(target=ask) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
"""
"""Sends requests, eight at a time: what the machine needs for these alone."""


def _bare(folder: str, count: int) -> float:
    with Emulator(load(str(Path(folder) / "sized.json")), Plan(latency=LATENCY, rate_limit=1_000_000)) as server:
        return timed([sys.executable, "-c", BARE, server.url, server.token, str(count)], folder)


def _audited(folder: str, found: object, options: list[str], *, latency: float = 0.0) -> tuple[float, int]:
    """Return the seconds and the requests of an audit by all rules."""
    file = Path(folder) / "sized.json"
    file.write_text(json.dumps(found))
    with Emulator(load(str(file)), Plan(latency=latency, rate_limit=1_000_000)) as server:
        os.environ.update({"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url})
        start = [sys.executable, str(ROOT / "audit.py")]
        chosen = ["--rules", "pack:everything", "--format", "json", "--timeout", "900", *options]
        seconds = timed([*start, *chosen], folder, (0, 1, 3))
    report = json.loads((Path(folder) / "reports/report.json").read_text())
    return seconds, int(report["coverage"]["requests"])
