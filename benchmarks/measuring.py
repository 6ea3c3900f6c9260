"""Times two things in turn, and prints their ratio."""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 9


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


def processor(command: list[str], cwd: str, codes: tuple[int, ...] = (0,)) -> float:
    """Return the processor seconds of a command, which what else runs on the machine changes less than its time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    timed(command, cwd, codes)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


PEAK = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); \
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
"""Runs a command and prints its largest size: a small process starts it, since a child begins as large as its parent."""


def peak(command: list[str], cwd: str) -> float:
    """Return how much memory a command took at most, in MiB."""
    done = subprocess.run([sys.executable, "-c", PEAK, *command], cwd=cwd, capture_output=True, check=True)
    return int(done.stdout) / 1024


def compared(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Return the medians of both, measured in turn, and the median of the ratios ours / theirs."""
    pairs = [(ours(), theirs()) for _ in range(rounds + 1)][1:]  # the first warms the caches
    mine, other = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(other), statistics.median(a / b for a, b in pairs)


def show(what: str, mine: float, other: float, ratio: float, reach: str) -> None:
    print(f"{what}: {mine:.3f} s / {other:.3f} s = {ratio:.2f} (to reach: {reach})", flush=True)
