"""Two runs at once into one folder do not mix."""

import json
import os
import re
import subprocess
import sys
import time

from northflank_audit.delivery.files import alone
from northflank_audit.formats import FORMATS
from tests.conftest import AUDIT, ROOT

RUNS = 4
UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
LOOP = """
import sys
from northflank_audit.cli import cli
for _ in range(int(sys.argv[1])):
    assert cli.main(sys.argv[2:], standalone_mode=False) == 1
"""


def arguments(folder, number):
    """Return the options of a run whose every report names the one credential that only this run sees."""
    credential = {"id": f"only-{number}", "name": f"only-{number}", "provider": "github"}
    restrictions = {"restricted": False, "projects": []}
    file = folder / f"only-{number}.json"
    file.write_text(json.dumps({"credentials": [credential | {"restrictions": restrictions}]}))
    rule = ("--rule", "registry-credential-unrestricted")
    return ["--input", str(file), *rule, "--format", ",".join(FORMATS), "--output-dir", "reports", "--quiet"]


def seen(folder):
    """Return which run each report is of, by the report's name."""
    reports = sorted((folder / "reports").iterdir())
    return {path.name: set(re.findall(r"only-\d", path.read_text())) for path in reports}


def test_reports_of_two_runs_at_once_do_not_mix(tmp_path):
    commands = [[sys.executable, str(AUDIT), *arguments(tmp_path, number)] for number in range(RUNS)]
    for _ in range(2):
        runs = [
            subprocess.Popen(command, cwd=tmp_path, env=UNMEASURED, stdout=subprocess.DEVNULL) for command in commands
        ]
        assert [run.wait(60) for run in runs] == [1] * RUNS
        reports = seen(tmp_path)
        assert sorted(reports) == sorted(form.filename for form in FORMATS.values())
        assert len(set().union(*reports.values())) == 1, reports


def test_who_has_the_folder_alone_sees_the_reports_of_one_run(tmp_path):
    environment = {**UNMEASURED, "PYTHONPATH": str(ROOT)}
    commands = [[sys.executable, "-c", LOOP, "8", *arguments(tmp_path, number)] for number in range(RUNS)]
    runs = [subprocess.Popen(each, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) for each in commands]
    mixed, looks, give_up = [], 0, time.monotonic() + 60
    while any(run.poll() is None for run in runs) and time.monotonic() < give_up:
        with alone(str(tmp_path / "reports")):
            found = seen(tmp_path)
        looks += bool(found)
        if len(set().union(*found.values())) > 1:
            mixed.append(found)
    assert [run.wait(60) for run in runs] == [0] * RUNS
    assert looks > 10
    assert mixed == []
