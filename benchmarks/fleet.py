"""Fleets: a thousand targets at 50 ms a request, their memory, and many runs in one process."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from measuring import ROOT, timed

TARGETS, REQUESTS, JOBS, LATENCY = 1000, 5, 16, 0.05
SOAK_RUNS = 500

SERVER = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/benchmarks"]
from measuring import credentials
from northflank_audit.emulator import Emulator, Plan
from northflank_audit.emulator.accounts import EmulatedAccount, EmulatedAccounts
teams, count, latency = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
limit = int(sys.argv[5])
tokens = [f"not-a-real-token-{n}" for n in range(teams)]
account = EmulatedAccount(credentials(count))
accounts = EmulatedAccounts(account, {f"team-{n}": account for n in range(teams)})
emulator = Emulator(accounts, Plan(latency=latency, rate_limit=limit), token=tokens[0], tokens=tokens[1:])
print(emulator.url, flush=True)
emulator.serve_forever()
"""
"""The emulator in a process of its own, so that its work is not ours."""


class Served:
    """So many teams, each with so many credentials."""

    def __init__(self, teams: int, count: int, latency: float, limit: int = 10**9) -> None:
        command = [sys.executable, "-c", SERVER, *map(str, (ROOT, teams, count, latency, limit))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def write_fleet(path: Path, url: str, teams: int, **defaults: object) -> None:
    """Write a fleet of teams; each names its token by a variable of its own, as those of different customers do."""
    for number in range(teams):
        os.environ[f"TOKEN_{number}"] = f"not-a-real-token-{number}"
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


def ways(scratch: str) -> None:
    """Show that 1,000 teams of 200 credentials give the same report on one machine, on Dask, and in parts."""
    file, folder = Path(scratch) / "ways.json", Path(scratch)
    fleet = [sys.executable, str(ROOT / "audit.py"), "fleet"]
    with Served(TARGETS, 200, 0.0, 1000) as served:
        write_fleet(file, served.url, TARGETS, format=["json"])
        parts = [f"part-{number}" for number in range(1, 5)]
        seconds = {"one machine": timed([*fleet, str(file), "--jobs", "16", "--output-dir", "whole"], scratch, (1,))}
        for number, part in enumerate(parts, 1):
            shard = [*fleet, str(file), "--jobs", "16", "--shard", f"{number}/4", "--output-dir", part]
            seconds[part] = timed(shard, scratch, (1,))
        seconds["merge"] = timed([*fleet, "merge", *parts, "--output-dir", "merged"], scratch, (1,))
        with Cluster(folder) as cluster:
            threading.Timer(10, cluster.workers[0].kill).start()
            command = [*fleet, str(file), "--scheduler", cluster.address, "--output-dir", "dask"]
            seconds["Dask, one of two workers killed after 10 s"] = timed(command, scratch, (1,))
    reports = {way: _settled(folder / way / "fleet.json") for way in ("whole", "merged", "dask")}
    same = len(set(reports.values())) == 1
    print(f"1,000 teams × 200 credentials: {'the same' if same else 'OTHER'} fleet.json, {len(reports['whole'])} bytes; "
          + ", ".join(f"{way} {took:.0f} s" for way, took in seconds.items()), flush=True)  # fmt: skip


def _settled(path: Path) -> bytes:
    """Return a fleet.json less its `run` objects."""
    report = json.loads(path.read_bytes())
    for each in (report, *report["targets"]):
        del each["run"]
    return json.dumps(report, indent=1).encode()


class Cluster:
    """A scheduler and two workers of Dask, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.address = "tcp://127.0.0.1:18787"
        dask = str(Path(sys.executable).parent / "dask")
        profile = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}  # docs/fleets.md says why
        environment = {**os.environ, **profile, "PYTHONPATH": str(ROOT)}
        place = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        start = [dask, "scheduler", "--host", "127.0.0.1", "--port", "18787", "--no-dashboard", "--no-show"]
        self.scheduler = subprocess.Popen(start, **place)
        work = [dask, "worker", self.address, "--no-nanny", "--nthreads", "8", "--no-dashboard"]
        self.workers = [subprocess.Popen([*work, "--local-directory", f"dask-{n}"], **place) for n in range(2)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self.workers, self.scheduler):
            each.kill()
            each.wait()


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
