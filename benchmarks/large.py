"""Measures accounts of 100,000 credentials, of which one in a hundred is violated: time and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

from measuring import ROOT, compared, peak, processor, show

from northflank_audit.emulator import Emulator, Plan, load

FEW, MANY = 1_000, 100_000
AUDIT = [sys.executable, str(ROOT / "audit.py"), "--format", "json"]
LOAD = "import json, sys, time; s = time.process_time(); json.load(open(sys.argv[1])); print(time.process_time() - s)"


def credentials(count: int) -> list[dict[str, object]]:
    """Return credentials that pass the default rules, except for one in a hundred, which has no restriction."""
    return [
        {
            "id": f"credential-{n}", "name": f"credential {n}", "description": "For builds",
            "provider": ("github", "dockerhub")[n % 2],
            "restrictions": {
                "restricted": n % 100 != 0,
                "projects": [f"project-{p}" for p in range(n % 5 + 1)] if n % 100 else [],
            },
        }
        for n in range(count)
    ]  # fmt: skip


def large(folder: str) -> None:
    for count in (FEW, MANY):
        (Path(folder) / f"{count}.json").write_text(json.dumps({"credentials": credentials(count)}))
    given = [*AUDIT, "--input", f"{MANY}.json"]

    def loaded() -> float:
        command = [sys.executable, "-c", LOAD, f"{MANY}.json"]
        return float(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)

    mine, other, ratio = compared(lambda: processor(given, folder, (1,)), loaded, rounds=3)
    show("100,000 credentials of a file, sixteen rules, against json.load of it (processor time)", mine, other, ratio,
         "≤ 10")  # fmt: skip
    _sizes("a file", [peak([*AUDIT, "--input", f"{count}.json"], folder) for count in (FEW, MANY)], "≤ 120 MiB")
    listed = [*AUDIT, "--format", "jsonl", "--format", "csv", "--include", "pass,notapplicable"]
    _sizes("a file, every verdict listed as JSON, JSON Lines and CSV",
           [peak([*listed, "--input", f"{count}.json"], folder) for count in (FEW, MANY)], "≤ 1.5")  # fmt: skip
    saved = [
        peak([*AUDIT, "--input", f"{count}.json", "--save-snapshot", f"s{count}.json"], folder) for count in (FEW, MANY)
    ]
    _sizes("a file, with a snapshot written", saved, "≤ 1.5")
    _sizes("a snapshot", [peak([*AUDIT, "--input", f"s{count}.json"], folder) for count in (FEW, MANY)], "≤ 1.5")
    _sizes("the API", [_online(folder, count) for count in (FEW, MANY)], "≤ 1.3")


def _sizes(what: str, sizes: list[float], reach: str) -> None:
    few, many = sizes
    print(f"memory for 100,000 credentials of {what}, against 1,000: {many:.0f} MiB / {few:.0f} MiB = {many / few:.2f} "
          f"(to reach: {reach})", flush=True)  # fmt: skip


def _online(folder: str, count: int) -> float:
    with Emulator(load(str(Path(folder) / f"{count}.json")), Plan(rate_limit=10_000_000)) as server:
        os.environ.update({"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url})
        return peak(AUDIT, folder)
