"""What many tests need."""

import datetime as dt
import io
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
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from northflank_audit import bundled
from northflank_audit.audit import policy_reading, runner
from northflank_audit.cli import findings, rule_lint
from northflank_audit.cli.app import main
from northflank_audit.model import Resource, Rule
from northflank_audit.northflank.route import AUTHORITIES
from northflank_audit.policy.rules import rulebook
from northflank_audit.policy.rules.rulebook import load
from northflank_audit.resources import TYPES
from northflank_audit.resources.needs import Needs

# The machine's speed is no property of the code, and CI must give the same result twice.
settings.register_profile(
    "tests", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("tests"), max_examples=3000)
settings.load_profile("tests")

NET = 300.0
"""Seconds after which a test gives up what should have ended: a net, of which no outcome depends."""

TODAY = dt.datetime.now(dt.UTC).date()
"""The day on which the tests began; with the fixture `noon` it lasts, however near midnight they run."""

LATER = str(TODAY + dt.timedelta(300))
"""A day until which a waiver may last."""

MACHINES_AUTHORITIES = {name: os.environ.pop(name) for name in AUTHORITIES if name in os.environ}
"""For what asks servers elsewhere, such as pip. The others are on this machine, and to read a file of authorities takes
longer than most tests."""

ROOT = Path(__file__).parent.parent
AUDIT = ROOT / "audit.py"
UNHURRIED = (
    sys.executable,
    "-c",
    f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from northflank_audit import __main__, stopping
from northflank_audit.fleet import worker_process
stopping.GRACE = worker_process.LEAVE_SECONDS = {NET}
__main__.main()
""",
)
"""`audit.py` as a process that has all the time it needs after a signal: to unwind, to speak, to remove files."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Let one process more than there are processors run tests, since many of them wait."""
    from xdist.plugin import pytest_xdist_auto_num_workers as processors  # noqa: PLC0415 - where it runs at all

    return processors(config) + 1


@pytest.fixture(autouse=True)
def _quiet_log():
    """Take away what a command that ran within this process set up to log to a stream that is closed by now."""
    yield
    quiet_log()


def quiet_log() -> None:
    log = logging.getLogger("northflank_audit")
    log.handlers.clear()
    log.setLevel(logging.NOTSET)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the calendar of commands at noon of `TODAY`, for tests that count days."""

    class Noon(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.combine(TODAY, dt.time(12), dt.UTC).astimezone(tz)

    calendar = SimpleNamespace(**{**vars(dt), "datetime": Noon})
    for module in (runner, policy_reading, rule_lint, findings):
        monkeypatch.setattr(module, "dt", calendar)


def _read_once(read):
    """Read each bundled rule file once: what comes of it is the same in every test, and takes most of a second."""
    known, kept = {path.read_text() for path in bundled.RULES.rglob("*.yaml")}, {}

    def once(path, text, include):
        if text not in known or "\nextends:" in text:
            return read(path, text, include)
        key = (path, text, *map(id, TYPES.values()))  # some tests put types of their own among them
        if key not in kept:
            kept[key] = read(path, text, include)
        return kept[key]

    return once


rulebook._file = _read_once(rulebook._file)


QUICK = ("--demo", "--rules", "pack:default")
"""The sample account by the pack that needs the fewest requests, where the promise is not about more."""

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
    """An audit that ended."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        return json.loads((self.folder / "reports/report.json").read_text())


KEPT = frozenset({"PATH", "HOME", "LANG", "SYSTEMROOT"})
"""What an audit's environment has besides what a test gives it."""


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command line within this process, in a folder of its own, with a clean environment.

    A process takes ten times as long: `process` is for what only a process shows.
    """

    def run(*arguments: str, stdin: str = "", **environment: str) -> Ended:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name in os.environ.keys() - KEPT:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", [str(AUDIT), *arguments])
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
            patch.setattr("sys.stdout", out)
            patch.setattr("sys.stderr", err)
            quiet_log()
            with pytest.raises(SystemExit) as ended:
                main()
        return _ended(ended.value.code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode(), tmp_path)

    return run


@pytest.fixture
def process(tmp_path: Path):
    """Run `audit.py` as a process, in a folder of its own, with a clean environment."""

    def run(*arguments: str, stdin: str | None = None, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, str(AUDIT), *arguments],
            cwd=tmp_path,
            env={**{name: os.environ[name] for name in KEPT & os.environ.keys()}, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=NET,
            check=False,
        )
        return _ended(done.returncode, done.stdout, done.stderr, tmp_path)

    return run


def _ended(code: int, out: str, err: str, folder: Path) -> Ended:
    assert "Traceback" not in err, err
    return Ended(code, out, err, folder)


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
