"""What many tests need."""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from northflank_audit.model import Resource, Rule
from northflank_audit.policy.rules.rulebook import load
from northflank_audit.resources import TYPES
from northflank_audit.resources.needs import Needs

# The machine's speed is no property of the code, and CI must give the same result twice.
settings.register_profile(
    "tests", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("tests"), max_examples=3000)
settings.load_profile("tests")

NET = 45.0
"""Seconds after which a test gives up what should have ended: a net, of which no outcome depends."""

ROOT = Path(__file__).parent.parent
AUDIT = ROOT / "audit.py"


@pytest.fixture(autouse=True)
def _quiet_log():
    """Take away what a command that ran within this process set up to log to a stream that is closed by now."""
    yield
    log = logging.getLogger("northflank_audit")
    log.handlers.clear()
    log.setLevel(logging.NOTSET)


RULES = """
rules:
  - id: unrestricted
    title: Restricted to projects
    severity: high
    require: credential.restrictions.restricted
    message: "{name} can be used by every project"
  - id: provider
    title: Provider is allowed
    severity: medium
    require: credential.provider in params.allowed
    params: {allowed: [github, dockerhub]}
    message: "{name} ({id}) uses {provider}, allowed are {params.allowed}"
"""


def rules(text: str = RULES) -> list[Rule]:
    return load([("rules.yaml", text)])


def rule(**entry: Any) -> Rule:
    entry = {"id": "r", "title": "T", "severity": "low", "require": "true", **entry}
    return rules(json.dumps({"rules": [entry]}))[0]


def needing(*types: str) -> Needs:
    """Return needs of these types, with all their parts."""
    return Needs({name: {part.name: () for part in TYPES[name].sources} for name in types})


CREDENTIALS = needing("registry-credential")


def resource(detailed: bool = True, team: str | None = None, **record: Any) -> Resource:
    record = {"id": "a", **record}
    return Resource(
        id=record["id"],
        name=record.get("name"),
        team=team,
        record=record,
        parts=frozenset({"list", "detail"} if detailed else {"list"}),
    )


@dataclass(frozen=True)
class Ended:
    """A process that ended."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        return json.loads((self.folder / "reports/report.json").read_text())


@pytest.fixture
def audit(tmp_path: Path):
    """Run `audit.py` as a process, in a folder of its own, with a clean environment."""

    def run(*arguments: str, stdin: str | None = None, timeout: float = NET, **environment: str) -> Ended:
        # Its coverage is not measured: that would take as long again as most of these processes do.
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
        done = subprocess.run(
            [sys.executable, str(AUDIT), *arguments],
            cwd=tmp_path,
            env={**kept, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ended(done.returncode, done.stdout, done.stderr, tmp_path)

    return run


def until(holds: Callable[[], object]) -> None:
    """Wait for an event in another thread or process."""
    give_up = time.monotonic() + NET
    while not holds():
        assert time.monotonic() < give_up, "what was waited for did not come"
        time.sleep(0.01)


def needed(program: str) -> str:
    """Return the path of a program, from `PATH` or beside Python; skip the test where there is none, but never in CI."""
    found = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{program} is not on this machine")
    assert found, f"{program} must be there in CI"
    return found


def needed_package(path: str) -> Path:
    """Return the path of a file of an npm package; skip the test where it is not installed, but never in CI."""
    found = ROOT / "tests/peers/node_modules" / path
    if not found.exists() and not os.environ.get("CI"):
        pytest.skip(f"{path} is not installed: `make test` does it where there is npm")
    assert found.exists(), f"`make test` installs {path}"
    return found
