"""Compares start-up and rules with Cloud Custodian."""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from measuring import ROOT, compared, credentials, show, timed

from northflank_audit.model import Resource, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.rules.rulebook import load

PEER = Path(__file__).parent / ".venv"
C7N = "c7n==0.9.53"

C7N_FILTERS = """
import json, sys, time
from c7n.filters import ValueFilter
records = json.load(open(sys.argv[1]))
filters = [ValueFilter(data) for data in (
    {"type": "value", "key": "restrictions.restricted", "value": True},
    {"type": "value", "key": "provider", "op": "in", "value": ["github", "dockerhub"]},
    {"type": "value", "key": "name", "op": "ne", "value": "credential 7"},
    {"type": "value", "key": "description", "op": "ne", "value": ""},
    {"type": "value", "key": "restrictions.projects", "value_type": "size", "op": "lt", "value": 6},
)]
start = time.perf_counter()
matched = sum(len(item.process(records)) for item in filters)  # as a policy does: each filter over all
print(time.perf_counter() - start, matched)
"""

RULES = [
    "credential.restrictions.restricted",
    "credential.provider in ['github', 'dockerhub']",
    "credential.name != 'credential 7'",
    "credential.description != ''",
    "size(credential.restrictions.projects) < 6",
]


def peer_python() -> str:
    python = PEER / "bin" / "python"
    if not python.exists():
        subprocess.run([os.environ.get("PYTHON", "python3"), "-m", "venv", str(PEER)], check=True)
    if not (PEER / "bin" / "custodian").exists():
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", C7N], check=True)
    return str(python)


def startup(folder: str) -> None:
    peer_python()
    audit = [sys.executable, str(ROOT / "audit.py"), "--version"]
    custodian = [str(PEER / "bin" / "custodian"), "version"]
    mine, other, ratio = compared(lambda: timed(audit, folder), lambda: timed(custodian, folder))
    show("start-up: --version against `custodian version`", mine, other, ratio, "≤ 0.5")


def rules(folder: str) -> None:
    records = credentials(20_000)
    file = Path(folder) / "records.json"
    file.write_text(json.dumps(records))
    entries = [{"id": f"r{n}", "title": "t", "severity": "low", "require": rule} for n, rule in enumerate(RULES)]
    engine = Engine(load([("rules", json.dumps({"rules": entries}))]), dt.datetime.now(dt.UTC))
    resources = [Resource(id=str(r["id"]), name=None, team=None, record=r) for r in records]
    holds = None

    def ours() -> float:
        nonlocal holds
        start = time.perf_counter()
        holds = sum(verdict.status is Status.PASS for verdict in engine.evaluate(resources))
        return time.perf_counter() - start

    def theirs() -> float:
        command = [peer_python(), "-c", C7N_FILTERS, str(file)]
        seconds, matched = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        if int(matched) != holds:
            raise SystemExit(f"not the same work: {holds} verdicts hold here, {matched} matches there")
        return float(seconds)

    mine, other, ratio = compared(ours, theirs)
    show("five rules over 20,000 credentials against c7n's value filters", mine, other, ratio, "≤ 0.5")
