"""The public API as a user's type checker sees it: installed, with `py.typed`."""

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT, needed, needed_package

EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(encoding="utf-8"), re.DOTALL)[1]
USE = """
from pathlib import Path
from typing import assert_type

from northflank_audit import AuditError, Report, Result, Severity, Status, read_report

earlier = read_report(Path("report.json"))
assert_type(earlier, Report)
assert_type(earlier.results, list[Result])
assert_type([each.severity for each in earlier.results], list[Severity])
assert_type(earlier.results[0].status, Status)
assert_type(earlier.run.complete, bool)
assert_type(audit(AuditSettings(team=["a"], input=Path("x"), timeout=5)), Report)
caught: list[AuditError] = [StartError("x")]
"""
MISUSE = """
from northflank_audit import AuditSettings, audit

AuditSettings(fail_on="hgih")
AuditSettings(nonsense=True)
audit()
audit(AuditSettings()).nonsense
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python into which the package was installed, as far as type checkers can tell."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "northflank_audit").symlink_to(ROOT / "northflank_audit")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin/python"


def mypy(python: Path, *files: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "--cache-dir"]
    done = subprocess.run(
        [*command, str(ROOT / ".mypy_cache/library"), *map(str, files)],
        cwd=files[0].parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def pyright(python: Path, *files: Path) -> tuple[int, str]:
    checker = needed_package("pyright/index.js")
    (files[0].parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [needed("node"), str(checker), "--pythonpath", str(python), *map(str, files)]
    done = subprocess.run(command, cwd=files[0].parent, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_what_the_page_shows_is_typed_and_mistakes_are_found(checker, python, tmp_path):
    use, misuse = tmp_path / "use.py", tmp_path / "misuse.py"
    use.write_text(EXAMPLE + USE)
    misuse.write_text(MISUSE)
    code, printed = checker(python, use, misuse)
    assert code == 1, printed
    wrong = {(name, int(line)) for name, line in re.findall(r"(\w+)\.py:(\d+):(?:\d+ -)? error", printed)}
    assert wrong == {("misuse", number) for number in (4, 5, 6, 7)}, printed
