"""The recipes' own command lines, and what they find where they run."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from northflank_audit.emulator import Emulator, load
from tests.conftest import AUDIT, NET, ROOT

DEPLOY = ROOT / "deploy"
GOOD = {
    "id": "a",
    "name": "A",
    "description": "x",
    "provider": "github",
    "restrictions": {"restricted": True, "projects": ["p"]},
}


def cron() -> str:
    """Return the command of the cron line."""
    return (DEPLOY / "cron/northflank-audit").read_text().splitlines()[-1].split(None, 6)[6]


def unit(name: str) -> dict[str, list[str]]:
    """Return the settings of a systemd unit, section and key as one, in order."""
    settings: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            settings.setdefault(f"{section}{key}", []).append(value)
    return settings


def systemd() -> str:
    """Return what the service runs."""
    (command,) = unit("northflank-audit.service")["[Service]ExecStart"]
    return command.replace("%d/token", "/etc/northflank-audit/token")


def kubernetes(kind: str) -> dict:
    """Return the document of a kind."""
    documents = yaml.safe_load_all((DEPLOY / "kubernetes/cronjob.yaml").read_text())
    (found,) = (each for each in documents if each["kind"] == kind)
    return found


def pod() -> dict:
    return kubernetes("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def container() -> str:
    """Return what the CronJob's container runs: the image's own entry point, with arguments."""
    (audit,) = pod()["containers"]
    assert "command" not in audit
    line = shlex.join(["/opt/northflank-audit/bin/northflank-audit", *audit["args"]])
    return line.replace("/run/secrets/northflank-audit/token", "/etc/northflank-audit/token")


def job() -> dict:
    return json.loads((DEPLOY / "northflank/job.json").read_text())


def northflank() -> str:
    docker = job()["deployment"]["docker"]
    return f"{docker['customEntrypoint']} {docker['customCommand']}"


def gitlab() -> str:
    (line,) = yaml.safe_load((DEPLOY / "gitlab/audit.gitlab-ci.yml").read_text())["northflank-audit"]["script"]
    return line


def action() -> dict:
    return yaml.safe_load((ROOT / "action.yml").read_text())


def workflow(name: str = "audit") -> dict:
    return yaml.load((DEPLOY / f"github/{name}.yml").read_text(), Loader=yaml.BaseLoader)


def audit_step(name: str) -> dict:
    """Return the step of a workflow that runs the action."""
    (step,) = (each for each in workflow(name)["jobs"]["audit"]["steps"] if each.get("id") == "audit")
    return step


COMMANDS = {
    "cron": cron,
    "systemd": systemd,
    "kubernetes": container,
    "northflank": northflank,
    "gitlab": gitlab,
}
"""The command line of each recipe that has one."""
WORKFLOWS = ("audit", "pull-request")
"""The workflows for GitHub, which run the action."""


def arguments(command: str) -> list[str]:
    """Return what a recipe's command gives the audit."""
    return shlex.split(re.split(r"(?:^|[ /])northflank-audit(?= )", command)[-1])


@dataclass
class Host:
    """A machine, as far as a recipe sees it: /etc, /var/lib and /opt are folders of its own."""

    folder: Path

    def place(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def sh(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a recipe's command where it runs: in the folder above `reports`."""
        for path in ("/etc/northflank-audit", "/var/lib/northflank-audit", "/opt/northflank-audit"):
            command = command.replace(path, str(self.place(path)))
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.place("/var/lib/northflank-audit"),
            env={"PATH": f"{self.place('/opt/northflank-audit/bin')}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=NET,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    @property
    def report(self) -> dict:
        return json.loads(self.place("/var/lib/northflank-audit/reports/report.json").read_text())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path / "host")
    for path in ("/etc/northflank-audit", "/var/lib/northflank-audit", "/opt/northflank-audit/bin"):
        made.place(path).mkdir(parents=True)
    for name, text in kubernetes("ConfigMap")["data"].items():
        here = text.replace("/etc/northflank-audit", str(made.place("/etc/northflank-audit")))
        made.place(f"/etc/northflank-audit/{name}").write_text(here)
    program(made.place("/opt/northflank-audit/bin/northflank-audit"), f'exec {sys.executable} {AUDIT} "$@"')
    return made


@pytest.fixture
def serve(tmp_path: Path, host: Host) -> Iterator:
    """Serve an account, or the sample account, and put its token where the recipes look for it."""
    started = []

    def start(*credentials: dict) -> dict[str, str]:
        file = tmp_path / "account.json"
        file.write_text(json.dumps({"credentials": credentials}))
        server = Emulator(load(str(file) if credentials else None))
        started.append(server.__enter__())
        token = host.place("/etc/northflank-audit/token")
        token.write_text(server.token)
        token.chmod(0o640)
        return {"NORTHFLANK_API_BASE_URL": server.url}

    yield start
    for server in started:
        server.__exit__(None, None, None)


def program(path: Path, script: str) -> None:
    """Write a program for the shell."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
