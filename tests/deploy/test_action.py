"""The composite action's own shell steps, run by bash with what GitHub gives them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, needed
from tests.deploy.conftest import WORKFLOWS, action, program, workflow

EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")


@pytest.fixture
def run(tmp_path):
    """Run the action with inputs, in a workspace of its own; return the exit code, outputs and the process."""
    temp, outputs = tmp_path / "temp", tmp_path / "outputs"
    temp.mkdir()
    (tmp_path / "workspace").mkdir()

    def evaluated(text: str, known: dict[str, str]) -> str:
        def value(found: re.Match) -> str:
            return next((known[name] for name in found[1].split(" || ") if known.get(name)), "")

        return EXPRESSION.sub(value, text)

    def execute(inputs: dict[str, str], **environment: str):
        known = {f"inputs.{name}": entry.get("default", "") for name, entry in action()["inputs"].items()}
        known |= {f"inputs.{name}": value for name, value in inputs.items()}
        known |= {f"env.{name}": value for name, value in environment.items()}
        known["steps.python.outputs.python-path"] = str(tmp_path / "python")
        outputs.write_text("")
        for step in action()["runs"]["steps"][1:]:
            done = subprocess.run(
                [needed("bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=tmp_path / "workspace",
                env={
                    "PATH": os.environ["PATH"],
                    **environment,
                    "RUNNER_TEMP": str(temp),
                    "GITHUB_ACTION_PATH": str(ROOT),
                    "GITHUB_OUTPUT": str(outputs),
                    "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
                    **{name: evaluated(str(value), known) for name, value in step["env"].items()},
                },
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                break
        return done, dict(line.split("=", 1) for line in outputs.read_text().splitlines())

    # What `python -m venv` makes here is not a new environment, but the one that the tests run in.
    program(tmp_path / "python", f'mkdir -p "$4/bin" && cp {tmp_path}/bin/* "$4/bin"')
    (tmp_path / "bin").mkdir()
    installs = f'if [ "$2 $3" = "-m pip" ]; then echo "$@" > {tmp_path}/pip'
    program(tmp_path / "bin/python", f'{installs}; else exec {sys.executable} "$@"; fi')
    return execute


def without_annotations(**inputs: str) -> dict[str, str]:
    return {"annotations": "false", "rules": "pack:default", **inputs}


def test_the_demo_ends_with_its_exit_code_and_outputs(run, tmp_path):
    done, outputs = run(without_annotations(demo="true", format="md,json", **{"fail-on": "high"}))
    assert done.returncode == 1, done.stderr
    assert "VIOLATED" in done.stdout
    assert outputs.pop("violations").isdecimal()
    assert outputs == {"exit-code": "1", "complete": "true", "unknown": "0"}
    assert sorted(path.name for path in (tmp_path / "workspace/reports").iterdir()) == ["report.json", "report.md"]
    assert set(action()["outputs"]) == {"exit-code", "complete", "violations", "unknown", "output-dir", "brief"}


def test_nothing_is_installed_but_what_the_lock_file_names(run, tmp_path):
    run(without_annotations(demo="true"))
    given = (tmp_path / "pip").read_text().split()
    assert {"--require-hashes", "--only-binary"} < set(given)
    assert Path(given[given.index("--requirement") + 1]) == ROOT / "requirements.txt"


def test_no_module_of_the_checkout_is_run(run, tmp_path):
    """A job's own PYTHONPATH, and the folder that Python starts in, may lead to a checkout that others write to."""
    workspace = tmp_path / "workspace"
    for name in ("json", "click", "northflank_audit", "sitecustomize", "venv", "pip"):
        (workspace / f"{name}.py").write_text(f"open({str(tmp_path / 'run-by-mistake')!r}, 'w')")
    done, outputs = run(without_annotations(demo="true", format="json"), PYTHONPATH=str(workspace))
    assert (done.returncode, outputs["complete"]) == (1, "true"), done.stderr
    assert not (tmp_path / "run-by-mistake").exists()


def test_every_python_of_the_action_is_isolated():
    scripts = "\n".join(step.get("run", "") for step in action()["runs"]["steps"])
    commands = re.findall(r'"\$(?:PYTHON|python|RUNNER_TEMP/\S*/python)" (\S+)', scripts)
    assert commands == ["-I"] * 4


def test_what_could_not_start_says_so_and_counts_nothing(run):
    run(without_annotations(demo="true"))
    done, outputs = run(without_annotations(demo="true", waivers="nowhere.yaml"))
    assert (done.returncode, outputs) == (2, {"exit-code": "2"})
    assert "nowhere.yaml" in done.stderr


def test_an_input_beats_the_environment_and_else_it_counts(run):
    assert run(without_annotations(demo="true"), NORTHFLANK_AUDIT_FAIL_ON="never")[1]["exit-code"] == "0"
    inputs = without_annotations(demo="true", **{"fail-on": "info"})
    assert run(inputs, NORTHFLANK_AUDIT_FAIL_ON="never")[1]["exit-code"] == "1"


def test_an_input_is_never_part_of_a_script(run, tmp_path):
    done, outputs = run(
        without_annotations(demo="true", config="$(touch broken); `touch broken`; a.yaml", team='"; touch broken; "')
    )
    assert (done.returncode, outputs["exit-code"]) == (2, "2")
    assert not (tmp_path / "workspace/broken").exists()
    jobs = [job for name in WORKFLOWS for job in workflow(name)["jobs"].values()]
    scripts = [step.get("run", "") for each in (action()["runs"], *jobs) for step in each["steps"]]
    assert not [script for script in scripts if EXPRESSION.search(script)]


def test_every_input_reaches_the_option_of_its_name():
    (audit,) = (step for step in action()["runs"]["steps"] if step.get("id") == "audit")
    for name in set(action()["inputs"]) - {"annotations", "python-version", "token", "output-dir"}:
        variable = "NORTHFLANK_AUDIT_" + name.replace("-", "_").upper()
        assert audit["env"][variable] == f"${{{{ inputs.{name} || env.{variable} }}}}"
    assert audit["env"]["NORTHFLANK_API_TOKEN"] == "${{ inputs.token || env.NORTHFLANK_API_TOKEN }}"


def test_violations_are_annotations_and_the_run_has_a_summary(run, tmp_path):
    done, outputs = run({"demo": "true", "rules": "pack:default"})
    assert (done.returncode, outputs["exit-code"]) == (1, "1")
    assert re.search(r"^::(error|warning|notice) ", done.stdout, re.MULTILINE)
    assert (tmp_path / "summary").read_text().startswith("\n## VIOLATED: ")
    assert Path(outputs["brief"]).read_text() == (tmp_path / "summary").read_text()
