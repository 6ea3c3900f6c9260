"""The recipes for fleets fit Kubernetes, and their commands run."""

import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from northflank_audit.cli.fleet_command import fleet_group
from tests.deploy.conftest import DEPLOY

RECIPES = ("fleet-shards", "fleet-dask")


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((DEPLOY / f"kubernetes/{name}.yaml").read_text()))


def pods(name: str) -> dict[str, dict]:
    """Return what each workload's pod is, by the workload's name."""
    found = [each for each in documents(name) if each["kind"] in ("Job", "Deployment")]
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in found}


@pytest.mark.parametrize("name", RECIPES)
def test_they_fit_the_strict_schemas_of_kubernetes(name):
    for version in ("1.31", kubernetes_validate.latest_version()):
        for each in documents(name):
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("name", RECIPES)
def test_their_pods_fit_the_restricted_standard_and_mount_what_there_is(name):
    for pod in pods(name).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}


def test_only_what_audits_has_the_tokens():
    holders = {
        name
        for recipe in RECIPES
        for name, pod in pods(recipe).items()
        if any(each["name"] == "tokens" for each in pod["volumes"])
    }
    assert holders == {"northflank-audit-fleet", "northflank-audit-worker"}
    assert "tokens" not in str(pods("fleet-dask")["northflank-audit-fleet"]["volumes"]), "tasks name a token's file"


def test_there_are_as_many_parts_as_pods_and_all_are_merged():
    job = next(each for each in documents("fleet-shards") if each["kind"] == "Job")["spec"]
    command = pods("fleet-shards")["northflank-audit-fleet"]["containers"][0]["command"][-1]
    assert int(re.search(r"\+ 1\)\)/(\d+)", command)[1]) == job["completions"]
    merge = pods("fleet-shards")["northflank-audit-fleet-merge"]["containers"][0]["command"][-1]
    parts = [f"reports/parts/{number}" for number in range(1, job["completions"] + 1)]
    assert re.findall(r"reports/parts/[0-9]+", merge) == parts


def test_no_part_of_an_earlier_run_is_merged(tmp_path):
    """The shell lines of both jobs, with a program in the tool's place that says what it finds."""
    tool = tmp_path / "bin/northflank-audit"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\nfind reports -name fleet.json | sort\nexit "$CODE"\n')
    tool.chmod(0o755)
    for number in (1, 2):
        (tmp_path / f"reports/parts/{number}").mkdir(parents=True)
        (tmp_path / f"reports/parts/{number}/fleet.json").touch()

    def ended(name, **environment):
        *shell, line = pods("fleet-shards")[name]["containers"][0]["command"]
        line = line.replace("/audit/reports", str(tmp_path / "reports"))
        return subprocess.run(
            [*shell, line], cwd=tmp_path, env={"PATH": f"{tool.parent}:/usr/bin:/bin", **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    part = ended("northflank-audit-fleet", JOB_COMPLETION_INDEX="0", CODE="0")
    assert (part.returncode, part.stdout, part.stderr) == (0, "reports/parts/2/fleet.json\n", "")
    for _ in range(2):
        (tmp_path / "reports/parts").mkdir(exist_ok=True)
        merge = ended("northflank-audit-fleet-merge", CODE="3")
        assert (merge.returncode, merge.stderr) == (3, "")
        assert [each.name for each in (tmp_path / "reports").iterdir()] == ["parts.last"]


@pytest.mark.parametrize("name", RECIPES)
def test_their_options_exist(name):
    known = {opt for command in fleet_group.commands.values() for param in command.params for opt in param.opts}
    for pod in pods(name).values():
        (container,) = pod["containers"]
        if container.get("command", [""])[0] != "dask":
            given = " ".join([*container.get("command", []), *container.get("args", [])])
            assert set(re.findall(r"(?<= )--[a-z-]+", given)) <= known
