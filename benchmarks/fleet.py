"""Fleets: a thousand targets at 50 ms a request, their memory, and many runs in one process."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from measuring import ROOT, credentials

TARGETS, REQUESTS, JOBS, LATENCY = 1000, 5, 16, 0.05
SOAK_RUNS = 500

SERVER = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/benchmarks"]
from measuring import credentials
from northflank_audit.emulator import Emulator, Plan
from northflank_audit.emulator.accounts import EmulatedAccount, EmulatedAccounts
teams, count, latency = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
account = EmulatedAccount(credentials(count))
accounts = EmulatedAccounts(account, {f"team-{n}": account for n in range(teams)})
emulator = Emulator(accounts, Plan(latency=latency, rate_limit=10**9))
print(emulator.url, emulator.token, flush=True)
emulator.serve_forever()
"""
"""The emulator in a process of its own, so that its work is not ours."""


class Served:
    """So many teams, each with so many credentials."""

    def __init__(self, teams: int, count: int, latency: float) -> None:
        command = [sys.executable, "-c", SERVER, str(ROOT), str(teams), str(count), str(latency)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url, token = self.process.stdout.readline().split()
        os.environ["NORTHFLANK_API_TOKEN"] = token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def write_fleet(path: Path, url: str, teams: int, **defaults: object) -> None:
    """Write a fleet of teams; each names its token by a variable of its own, as those of different customers do."""
    for number in range(teams):
        os.environ[f"TOKEN_{number}"] = os.environ["NORTHFLANK_API_TOKEN"]
    targets = [
        {"name": f"target-{number}", "token-env": f"TOKEN_{number}", "teams": [f"team-{number}"]}
        for number in range(teams)
    ]
    path.write_text(
        json.dumps({"defaults": {"api-url": url, "rules": ["pack:default"], **defaults}, "targets": targets})
    )


def thousand(scratch: str) -> None:
    """Show the time against the requests' own, and the memory of all processes."""
    file = Path(scratch) / "fleet.json"
    floor = TARGETS * REQUESTS * LATENCY / JOBS
    with Served(TARGETS, REQUESTS, LATENCY) as served:
        for formats in ("html,md,json", "json"):
            write_fleet(file, served.url, TARGETS, **{"page-size": 1, "format": formats.split(",")})
            command = [sys.executable, str(ROOT / "audit.py"), "fleet", str(file), "--jobs", str(JOBS), "--quiet"]
            start = time.perf_counter()
            process = subprocess.Popen(command, cwd=scratch, stdout=subprocess.DEVNULL)
            memory = Memory(process.pid)
            code = process.wait()
            seconds = time.perf_counter() - start
            report = json.loads((Path(scratch) / "reports/fleet.json").read_text())
            first = json.loads((Path(scratch) / "reports" / report["targets"][0]["report"]).read_text())
            assert (code, len(report["targets"]), first["coverage"]["requests"]) == (1, TARGETS, REQUESTS)
            print(
                f"a fleet of {TARGETS} targets × {REQUESTS} requests at {LATENCY * 1000:.0f} ms, --jobs {JOBS}, --format "
                f"{formats}: {seconds:.1f} s against {floor:.1f} s = {seconds / floor:.2f} (to reach: ≤ 1.5), "
                f"{memory.most() / 2**20:.0f} MiB (to reach: ≤ 400)",
                flush=True,
            )


class Memory(threading.Thread):
    """The most memory of a process and those that it started, each page counted once (PSS), looked at once a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._most = 0
        self.start()

    def run(self) -> None:
        while True:
            pids = [self._pid, *_children(self._pid)]
            self._most = max(self._most, sum(map(_proportional, pids)))
            time.sleep(1)

    def most(self) -> int:
        return self._most


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def soak(scratch: str) -> None:
    """Show what 500 runs of a fleet in one process leave behind."""
    from northflank_audit import audit_fleet

    file = Path(scratch) / "soak.json"
    with Served(8, 20, 0.0) as served:
        write_fleet(file, served.url, 8, format=["json"])
        for run in range(1, SOAK_RUNS + 1):
            report = audit_fleet(file, jobs=4, output_dir=scratch)
            assert report.exit_code == 1
            if run in (50, SOAK_RUNS):
                open_files, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
                print(
                    f"after {run} runs of a fleet of 8 targets in one process: "
                    f"{_proportional(os.getpid()) / 2**20:.0f} MiB, {open_files} files, {threads} threads",
                    flush=True,
                )


__all__ = ["credentials", "soak", "thousand"]
