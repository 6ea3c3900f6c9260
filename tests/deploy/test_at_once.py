"""Two runs at once into one folder do not mix."""

import json
import os
import re
import subprocess
import sys

from northflank_audit.delivery import files
from northflank_audit.delivery.files import alone
from northflank_audit.formats import FORMATS
from tests.conftest import AUDIT, NET, ROOT, until
from tests.unpacked import unpacked

RUNS = 4
UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
LOOP = f"""
import os, sys
from northflank_audit.cli.app import cli
from northflank_audit.delivery import files
files.LONGEST_WAIT = {NET}
while not os.path.exists("enough"):
    assert cli.main(sys.argv[1:], standalone_mode=False) == 1
"""
LOOKS = 12


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
    return {path.name: set(re.findall(rb"only-\d", unpacked(path.read_bytes()))) for path in reports}


def test_reports_of_two_runs_at_once_do_not_mix(tmp_path):
    commands = [[sys.executable, str(AUDIT), *arguments(tmp_path, number)] for number in range(RUNS)]
    for _ in range(2):
        runs = [
            subprocess.Popen(command, cwd=tmp_path, env=UNMEASURED, stdout=subprocess.DEVNULL) for command in commands
        ]
        assert [run.wait(NET) for run in runs] == [1] * RUNS
        reports = seen(tmp_path)
        assert sorted(reports) == sorted(form.filename for form in FORMATS.values())
        assert len(set().union(*reports.values())) == 1, reports


def test_who_has_the_folder_alone_sees_the_reports_of_one_run(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_WAIT", NET)  # the turns are at random
    environment = {**UNMEASURED, "PYTHONPATH": str(ROOT)}
    commands = [[sys.executable, "-c", LOOP, *arguments(tmp_path, number)] for number in range(RUNS)]
    runs = [subprocess.Popen(each, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) for each in commands]
    looks = []

    def looked():
        with alone(str(tmp_path / "reports")):
            found = seen(tmp_path)
        looks.extend([found] if found else [])
        return len(looks) == LOOKS or any(run.poll() is not None for run in runs)

    try:
        until(looked)
    finally:
        (tmp_path / "enough").touch()
    assert [run.wait(NET) for run in runs] == [0] * RUNS
    assert [found for found in looks if len(set().union(*found.values())) > 1] == []
