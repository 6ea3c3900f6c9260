"""What holds for the project as a whole."""

import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from northflank_audit import __version__
from northflank_audit.installed import EXTRAS
from tests.conftest import AUDIT, MACHINES_AUTHORITIES, ROOT, needed

SDIST = {
    ".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "SECURITY.md", "audit.py", "northflank_audit",
    "pyproject.toml", "rules", "templates",
}  # fmt: skip
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


def locked(which=""):
    text = (ROOT / f"requirements{which}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^ ;]+)", text, re.MULTILINE))


def test_every_extra_is_named_and_locked_as_it_is_tested():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {name: [asked.partition(">=")[0] for asked in asked_for] for name, asked_for in extras.items()} == {
        name: [package] for name, package in EXTRAS.items()
    }
    for which in ("", "-notify", "-extras"):
        assert locked().items() <= locked(which).items() <= locked("-dev").items()
    assert {package.partition("[")[0] for package in EXTRAS.values()} <= locked("-extras").keys()
    assert EXTRAS["notify"] in locked("-notify")


def test_readme_and_rule_pages_are_up_to_date():
    assert runpy.run_path(str(ROOT / "docs/make.py"))["stale"]() == [], "run `make docs`"


def test_the_version_is_told(audit):
    assert audit("--version").out.splitlines()[0] == f"northflank-audit, version {__version__}"
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """Make a release of what is here, as `make release` does, in a repository of its own; return its files."""
    git = needed("git")
    needed("hatchling")
    listed = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    names = [name for name in names if (ROOT / name).is_file()]
    stamp = "2026-01-02T03:04:05Z"
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]

    def release(umask: int) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("release")
        environment = {"PATH": os.environ["PATH"], "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        environment |= {"BIN": str(Path(sys.executable).parent), "HOME": str(folder)}
        run = partial(subprocess.run, cwd=folder, env=environment, umask=umask, capture_output=True, text=True)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        for command in (["init", "-q"], ["add", "--all"], [*who, "commit", "-qm", "Release"]):
            run([git, *command], check=True)
        done = run([folder / ".ci/release"], check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "README.md").write_text("changed")
        refused = run([folder / ".ci/release"], check=False)
        assert (refused.returncode, "commit or stash" in refused.stderr) == (1, True)
        return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}

    return release


def test_a_release_is_whole_and_the_same_bytes_every_time(released, tmp_path):
    """The wheel works in an empty environment, with what is locked."""
    files = released(0o022)
    assert released(0o077) == files
    wheel, sdist = f"northflank_audit-{__version__}-py3-none-any.whl", f"northflank_audit-{__version__}.tar.gz"
    bom = f"northflank_audit-{__version__}.cdx.json"
    assert set(files) == {wheel, sdist, bom, "SHA256SUMS"}
    sums = dict(line.split()[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: sha256(files[name]).hexdigest() for name in (wheel, sdist, bom)}
    top = f"northflank_audit-{__version__}"
    with tarfile.open(fileobj=io.BytesIO(files[sdist])) as archive:
        inside = {name.split("/")[1] for name in archive.getnames() if name.startswith(f"{top}/")}
    assert inside == SDIST
    described = json.loads(files[bom])
    assert {each["name"]: each["version"] for each in described["components"]} == locked()
    assert described["metadata"]["component"]["version"] == __version__
    assert "serialNumber" not in described

    (tmp_path / wheel).write_bytes(files[wheel])
    _works(tmp_path, tmp_path / wheel)


def _works(tmp_path, wheel):
    venv.create(tmp_path / "venv")
    binaries = tmp_path / "venv" / "bin"
    # What is not imported need not be compiled: that would take most of the time.
    install = [sys.executable, "-m", "pip", "--python", str(binaries / "python"), "install", "--no-compile", "--quiet"]
    for what in (["--require-hashes", "-r", str(ROOT / "requirements.txt")], ["--no-deps", str(wheel)]):
        subprocess.run(
            [*install, "--disable-pip-version-check", *what],
            env=os.environ | MACHINES_AUTHORITIES,
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
