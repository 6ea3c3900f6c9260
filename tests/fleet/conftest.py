"""A fleet of small accounts, which one emulator serves to all tests."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from northflank_audit.cli import fleet_command
from northflank_audit.config.settings import Settings
from northflank_audit.emulator import Emulator, Fault, Plan, load
from northflank_audit.fleet.job import Job
from northflank_audit.fleet.local_workers import ThreadWorkers
from tests.conftest import RULES

TOKENS = {"TOKEN_0": "not-a-real-token-0", "TOKEN_1": "not-a-real-token-1", "TOKEN_2": "not-a-real-token-2"}
"""Tokens, by the variables that hold them."""
TEAMS = [f"team-{number:02}" for number in range(12)]
"""Of each three, the first is green, the second is violated, and the third can't be seen."""


def _team(number: int) -> dict[str, Any]:
    restrictions = {"restricted": number % 3 == 0, "projects": ["p"]}
    credentials = [
        {"id": f"c{index}", "name": f"C{index}", "provider": "github", "description": "", "restrictions": restrictions}
        for index in range(1 + number)
    ]
    return {"id": TEAMS[number], "name": f"Team {number}", "credentials": credentials}


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Emulator]:
    """Serve the teams to all tokens, with these faults."""
    path = tmp_path_factory.mktemp("accounts") / "teams.json"
    path.write_text(json.dumps({"teams": [_team(number) for number in range(len(TEAMS))]}))
    first, *others = TOKENS.values()

    def served(*faults: Fault, **plan: Any) -> Emulator:
        refused = [Fault(path=f"/v1/teams/{team}/*", status=403) for team in TEAMS[2::3]]
        return Emulator(load(str(path)), Plan(faults=[*faults, *refused], **plan), token=first, tokens=others)

    return served


@pytest.fixture(scope="session")
def emulator(serve: Callable[..., Emulator]) -> Iterator[Emulator]:
    with serve() as server:
        yield server


@pytest.fixture
def fleet_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a fleet file, as JSON, which is YAML; its targets use few rules."""

    def write(targets: list[dict[str, Any]], **top: Any) -> Path:
        (tmp_path / "rules.yaml").write_text(RULES)
        top = {"defaults": {"rules": ["rules.yaml"], "format": "json"}, **top}
        (tmp_path / "fleet.yaml").write_text(json.dumps({**top, "targets": targets}, indent=1))
        return tmp_path / "fleet.yaml"

    return write


@pytest.fixture
def everyone(fleet_file: Callable[..., Path]) -> Path:
    """Return a fleet file with all teams, which have three tokens."""
    return fleet_file(
        [
            {"name": f"customer-{team}", "teams": [team], "token-env": f"TOKEN_{number % 3}"}
            for number, team in enumerate(TEAMS)
        ]
    )


@pytest.fixture
def fleet(audit: Any, emulator: Emulator) -> Callable[..., Any]:
    """Run `fleet` within this process, with the emulator's tokens."""

    def run(*arguments: object, **environment: str) -> Any:
        given = {"NORTHFLANK_API_BASE_URL": emulator.url, **TOKENS, **environment}
        return audit("fleet", *map(str, arguments), **given)

    return run


class InThreads(ThreadWorkers):
    """Threads in the place of processes: where a promise is not about processes, these only take time."""

    def serving(self, _targets: object) -> Self:
        return self


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run targets in threads."""
    monkeypatch.setattr(fleet_command, "LocalWorkers", InThreads)


def without_runs(path: Path) -> bytes:
    """Return a fleet.json less its `run` objects."""
    report = json.loads(path.read_bytes())
    for each in (report, *report["targets"]):
        del each["run"]
    return json.dumps(report, indent=1).encode()


def outcomes_of(path: Path) -> dict[str, int]:
    """Return the exit codes of a fleet.json by target."""
    return {each["name"]: each["exitCode"] for each in json.loads(path.read_bytes())["targets"]}


def job(name: str, token: str = "TOKEN_0", folder: Path = Path("/nowhere"), **settings: Any) -> Job:
    """Return a job without a fleet file."""
    given: dict[str, Any] = {"output_dir": str(folder / name), "team": (), "rules": (), **settings}
    made = Settings(
        api_url="http://127.0.0.1:9",
        token_file=None,
        demo=False,
        all_teams=False,
        input=(),
        rule=(),
        skip_rule=(),
        config=None,
        **given,
    )
    return Job(name=name, settings=made, token_variable=token, fleet="r0")
