"""Records that passed take no memory: ten times as many, and the process is hardly larger."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from northflank_audit.emulator import Emulator, Plan, load
from tests.conftest import NET, ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says how large it was")

CHILD = f"""
import re, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from northflank_audit.cli.app import main
try:
    main()
finally:
    sys.stdout.flush()
    print("peak", re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""
RULE = ("--rule", "registry-credential-unrestricted")
FEW, MORE = 2_000, 20_000


def credentials(count):
    """Return credentials of which one in a hundred is violated."""
    return [
        {
            "id": f"credential-{n}",
            "name": f"credential {n}",
            "description": "For builds",
            "provider": "github",
            "restrictions": {"restricted": n % 100 != 0, "projects": ["p"] * (n % 100 != 0)},
        }
        for n in range(count)
    ]


def peak(folder, *arguments, **environment):
    """Audit as a process, and return how large it was, in KiB."""
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, *RULE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=NET,
        env={"PATH": "", **environment},
    )
    assert ended.returncode == 1, ended.stderr
    return int(ended.stdout.rpartition("peak ")[2])


def test_of_a_file_whatever_is_written_of_it(tmp_path):
    sizes = []
    for count in (FEW, MORE):
        folder = tmp_path / str(count)
        folder.mkdir()
        answer = {"data": {"credentials": credentials(count)}, "pagination": {"hasNextPage": False, "count": count}}
        (folder / "i.json").write_text(json.dumps(answer, indent=1))
        written = ("--format", "json,jsonl,csv", "--include", "pass")
        sizes.append((
            peak(folder, "--input", "i.json", *written, "--save-snapshot", "s.json"),
            peak(folder, "--input", "s.json", *written),
        ))  # fmt: skip
        report = json.loads((folder / "reports/report.json").read_text())
        assert (len(report["results"]), report["run"]["complete"]) == (count, True)
    for few, more in zip(*sizes, strict=True):
        assert more <= 1.3 * few


def test_of_the_api(tmp_path):
    sizes = []
    for count in (FEW, MORE):
        file = tmp_path / f"{count}.json"
        file.write_text(json.dumps({"credentials": credentials(count)}))
        with Emulator(load(str(file)), Plan(rate_limit=1_000_000)) as server:
            at = {"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url}
            sizes.append(peak(tmp_path, "--format", "json", **at))
    assert sizes[1] <= 1.15 * sizes[0]
