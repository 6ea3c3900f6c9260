"""What holds for the project as a whole."""

import os
import runpy
import subprocess
import sys
import venv

import pytest

from northflank_audit import __version__
from tests.conftest import AUDIT, ROOT

HEAVY = ("requests", "jinja2", "rich", "yaml", "tenacity", "cel_expr_python")


def loaded(*arguments, cwd):
    code = f"import os, runpy, sys; os._exit = sys.exit; sys.path.insert(0, {str(ROOT)!r}); sys.argv = {['audit.py', *arguments]!r}\ntry: runpy.run_path({str(AUDIT)!r}, run_name='__main__')\nexcept SystemExit: pass\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_what_needs_no_network_does_not_load_it(tmp_path):
    (tmp_path / "i.json").write_text('{"credentials": []}')
    assert loaded("--version", cwd=tmp_path) <= {"yaml", "cel_expr_python"}
    assert not {"requests", "rich", "jinja2"} & loaded("--help", cwd=tmp_path)
    assert not {"requests", "rich", "jinja2"} & loaded("rules", "lint", cwd=tmp_path)
    assert not {"requests", "rich", "tenacity"} & loaded("--input", "i.json", cwd=tmp_path)


def test_readme_and_rule_pages_are_up_to_date():
    assert runpy.run_path(str(ROOT / "docs/make.py"))["stale"]() == [], "run `make docs`"


def test_the_version_is_told(audit):
    assert audit("--version").out.strip() == f"northflank-audit, version {__version__}"
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()


def test_the_wheel_works_in_an_empty_environment(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv")
    binaries = tmp_path / "venv" / "bin"
    # What is not imported need not be compiled: that would take most of the time.
    install = [sys.executable, "-m", "pip", "--python", str(binaries / "python"), "install", "--no-compile", "--quiet"]
    for what in (["--require-hashes", "-r", str(ROOT / "requirements.txt")], ["--no-deps", str(wheel)]):
        subprocess.run(
            [*install, "--disable-pip-version-check", *what],
            check=True,
            capture_output=True,
        )
    environment = {"PATH": os.environ["PATH"]}
    demo = subprocess.run(
        [binaries / "northflank-audit", "--demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 1, demo.stderr
    assert (tmp_path / "reports/report.html").stat().st_size > 10_000
    tested = subprocess.run(
        [binaries / "northflank-audit", "rules", "test"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tested.returncode, tested.stderr) == (0, "")
    subprocess.run(
        [binaries / "python", "-m", "northflank_audit", "--version"], cwd=tmp_path, check=True, capture_output=True
    )


@pytest.mark.parametrize("name", ["audit.py", "rules", "templates", "reports", "tests", "requirements.txt"])
def test_what_was_asked_for_stands_at_the_top(name):
    assert (ROOT / name).exists()
