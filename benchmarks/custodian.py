"""Compares start-up and rules with Cloud Custodian."""

import json
import os
import subprocess
import sys
from pathlib import Path

from evaluation import engine, evaluated, resources
from measuring import ROOT, compared, credentials, processor, show

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
start = time.process_time()
matched = sum(len(item.process(records)) for item in filters)  # as a policy does: each filter over all
print(time.process_time() - start, matched)
"""


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
    mine, other, ratio = compared(lambda: processor(audit, folder), lambda: processor(custodian, folder))
    show("start-up: --version against `custodian version`", mine, other, ratio, "≤ 0.2")


def rules(folder: str) -> None:
    records = credentials(20_000)
    file = Path(folder) / "records.json"
    file.write_text(json.dumps(records))
    ours_engine, ours_resources = engine(), resources(records)
    holds = None

    def ours() -> float:
        nonlocal holds
        seconds, holds = evaluated(ours_engine, ours_resources)
        return seconds

    def theirs() -> float:
        command = [peer_python(), "-c", C7N_FILTERS, str(file)]
        seconds, matched = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        if int(matched) != holds:
            raise SystemExit(f"not the same work: {holds} verdicts hold here, {matched} matches there")
        return float(seconds)

    mine, other, ratio = compared(ours, theirs)
    show("five rules over 20,000 credentials against c7n's value filters", mine, other, ratio, "≤ 0.33")
