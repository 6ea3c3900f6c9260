"""The image, as far as that can be told without an engine: what is in it, and that it works for the user it runs as."""

import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import NET, QUICK, ROOT, needed
from tests.deploy.conftest import container, pod, program

DOCKERFILE = (ROOT / "Dockerfile").read_text()
JAIL = """
set -e
mount --make-rprivate /
mount --bind "$REPORTS" "$REPORTS"
cut -d" " -f5 /proc/self/mountinfo | sort -r | while read -r place; do
  [ "$place" = "$REPORTS" ] || mount -o remount,bind,ro "$place" 2>/dev/null || true
done
cd "$REPORTS/.."
exec setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups --no-new-privs \
  --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search --bounding-set=-all,+dac_read_search "$@"
"""
"""Runs a command as the image's user with every file system read-only but the folder for reports.

It may read everything, since a checkout's Python may be in a folder that only root can enter; it may write nothing
more for it (capabilities(7)).
"""


def copied() -> list[str]:
    """Return what the image takes from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    return [name for line in lines for name in line.split()]


@pytest.fixture
def jail():
    """Run a command as a container of the image would be run, read-only, in /audit."""
    if not sys.platform.startswith("linux") or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("only root can make file systems read-only")
    needed("setpriv")
    user, group = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE).groups()
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        top.chmod(0o755)
        opt, reports = top / "opt/northflank-audit", top / "audit/reports"
        (opt / "venv/bin").mkdir(parents=True)
        reports.mkdir(parents=True)
        shutil.chown(reports, int(user), int(group))
        for name in copied():
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, opt / name)
        program(opt / "venv/bin/python3", f'exec {sys.executable} "$@"')
        (opt / "venv/bin/northflank-audit").symlink_to("../../audit.py")
        environment = dict(re.findall(r"(PYTHON\w+)=(\S+)", DOCKERFILE))
        environment |= {"PATH": f"{opt}/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        environment |= {"REPORTS": str(reports), "USER_ID": user, "GROUP_ID": group}

        def run(*command: str) -> subprocess.CompletedProcess[str]:
            whole = ["unshare", "--mount", "/bin/sh", "-c", JAIL, "jail", *command]
            return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=NET, check=False)

        run.reports = reports
        run.opt = opt
        yield run


def test_hadolint_finds_nothing():
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_build_sees_what_it_copies_and_nothing_else():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert lines[0] == "*"
    assert sorted(allowed) == sorted(copied())


def test_the_image_runs_as_a_number_that_is_not_root_and_as_the_manifest_says():
    # Kubernetes can't tell by a name whether it is root.
    user, group = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE).groups()
    context = pod()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (int(user), int(group), int(group))
    assert int(user) > 1000
    assert DOCKERFILE.index("USER ") > DOCKERFILE.rindex("RUN ")


def test_the_jail_is_one(jail):
    written = jail(
        "sh",
        "-c",
        "id -u; touch reports/a && for at in . /tmp /dev/shm /var/tmp $0; do touch $at/x 2>/dev/null && echo $at; done",
        str(jail.opt),
    )
    assert written.stdout.split() == ["10001"]
    assert [path.name for path in jail.reports.iterdir()] == ["a"]


def test_an_audit_needs_nothing_to_write_to_but_the_folder_of_reports(jail):
    done = jail("northflank-audit", *QUICK, "--save-snapshot", "reports/snapshot.json")
    assert (done.returncode, done.stderr) == (1, "")
    names = sorted(path.name for path in jail.reports.iterdir())
    assert names == ["report.html", "report.json", "report.md", "snapshot.json"]
    assert {path.stat().st_uid for path in jail.reports.iterdir()} == {10001}
    assert not [path for path in jail.opt.rglob("*") if path.stat().st_uid != 0]
    assert stat.S_IMODE((jail.opt / "audit.py").stat().st_mode) & 0o111, "it is what the entry point's link leads to"


def test_an_audit_that_writes_no_report_needs_nothing_to_write_to(jail):
    jail.reports.chmod(0o500)
    shutil.chown(jail.reports, 0, 0)
    done = jail("northflank-audit", *QUICK, "--format", "none", "--output", "md=-")
    assert done.returncode == 1
    assert done.stdout.startswith("# ")
    refused = jail("northflank-audit", *QUICK)
    assert refused.returncode == 3
    assert "could not be written" in refused.stdout
    assert "Traceback" not in refused.stderr


def test_the_manifest_mounts_what_the_command_needs():
    mounts = {each["mountPath"] for each in pod()["containers"][0]["volumeMounts"]}
    assert mounts == {"/etc/northflank-audit", "/run/secrets/northflank-audit", "/audit/reports"}
    assert pod()["containers"][0]["workingDir"] == re.search(r"^WORKDIR (/audit)$", DOCKERFILE, re.MULTILINE)[1]
    assert "reports/report.json" in container()
