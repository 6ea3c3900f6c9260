"""What leaves an audit, in which order, and what becomes of it where it can't."""

import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli import cli

ACCOUNT = {"credentials": [{"id": "a", "name": "A", "provider": "github", "restrictions": {"restricted": False}}]}
RUN = ("--input", "i.json", "--rule", "registry-credential-unrestricted", "--quiet")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "i.json").write_text(json.dumps(ACCOUNT))

    def started(*arguments):
        done = CliRunner().invoke(cli, ["run", *RUN, *arguments])
        return done.exit_code, json.loads((tmp_path / "reports/report.json").read_text())

    return started


@pytest.fixture
def step_summary(tmp_path, monkeypatch):
    """The file that GitHub gives a step for its summary."""
    path = tmp_path / "summary.md"
    path.write_text("from before")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


@pytest.mark.parametrize("asked", [("--format", "json,github"), ("--output", "github=x.txt")])
def test_the_brief_is_appended_to_a_step_summary_where_the_format_is_asked_for(run, step_summary, asked):
    assert run(*asked)[0] == 1
    assert step_summary.read_text().startswith("from before\n## VIOLATED: 1 violation on 1 of 1 registry credential\n")


def test_a_step_summary_is_left_alone_where_the_format_is_not_asked_for(run, step_summary):
    assert run()[0] == 1
    assert step_summary.read_text() == "from before"


def test_without_a_step_summary_nothing_is_missing(run, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert run("--output", "github=x.txt")[0] == 1
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    assert run("--output", "github=x.txt")[0] == 1


def test_a_step_summary_that_can_not_be_written_makes_it_incomplete(run, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    code, report = run("--output", "github=x.txt")
    assert (code, report["exitCode"], report["run"]["complete"]) == (3, 3, False)
    assert report["run"]["incompleteReasons"] == [f"{tmp_path} could not be written (Is a directory)"]
    assert "::error title=The audit is incomplete::" in (tmp_path / "x.txt").read_text()
