"""What leaves an audit, in which order, and what becomes of it where it can't."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from northflank_audit.audit import deliver, runner
from northflank_audit.bundled import RULES as SHIPPED
from northflank_audit.cli.app import cli
from northflank_audit.errors import DeliveryError
from northflank_audit.formats import FORMATS
from northflank_audit.library.audit_settings import AuditSettings
from tests.conftest import NET, QUICK

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


@pytest.mark.parametrize("error", [DeliveryError("it would not fit"), KeyError("x"), RecursionError()])
def test_a_format_that_fails_takes_no_other_with_it(run, monkeypatch, error):
    """Whatever it is: a mistake of ours in one format must not lose the reports that can be written."""

    def broken(_report):
        raise error

    monkeypatch.setattr("northflank_audit.formats.markdown.render", broken)
    code, report = run("--format", "html,md,json", "--output", "csv=x.csv")
    assert (code, report["run"]["complete"]) == (3, False)
    (reason,) = report["run"]["incompleteReasons"]
    said = (
        error if isinstance(error, DeliveryError) else f"internal error: {type(error).__name__}; --verbose shows where"
    )
    assert reason == f"reports/report.md could not be written ({said})"
    assert "INCOMPLETE" in Path("reports/report.html").read_text()
    assert '"incomplete"' in Path("x.csv").read_text()
    assert not Path("reports/report.md").exists()


def test_what_can_not_be_appended_or_measured_for_a_mistake_of_ours_takes_no_report_with_it(
    run, monkeypatch, step_summary
):
    monkeypatch.setattr("northflank_audit.formats.brief.brief", lambda _: 1 / 0)
    monkeypatch.setattr("northflank_audit.delivery.metrics.write", lambda *_, **__: {}["x"])
    code, report = run("--output", "github=x.txt", "--metrics-file", "x.prom")
    assert code == report["exitCode"] == 3
    assert [reason.partition(";")[0] for reason in report["run"]["incompleteReasons"]] == [
        "internal error: ZeroDivisionError",
        "internal error: KeyError",
    ]


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_no_text_is_in_every_report_and_costs_none(run, tmp_path):
    odd = os.fsdecode(b"\xff")
    folder = tmp_path / odd
    folder.mkdir()
    (folder / "rules.yaml").write_text((SHIPPED / "registry-credentials.yaml").read_text())
    (folder / "c.yaml").write_text("overrides: {registry-credential-unrestricted: {severity: low}}")
    code, report = run(
        *("--rules", f"{odd}/rules.yaml", "--config", f"{odd}/c.yaml", "--output", f"csv={odd}/c.yaml/x.csv"),
        *("--format", ",".join(FORMATS), "--compare", f"{odd}/../reports/report.json"),
    )
    assert code == 3
    assert report["run"]["incompleteReasons"] == ["\\udcff/c.yaml/x.csv could not be written (File exists)"]
    assert report["rules"][0]["tuned"] == {"severity": "\\udcff/c.yaml:1"}
    assert report["rules"][0]["origin"].startswith("\\udcff/rules.yaml:")
    assert report["warnings"][0].startswith("\\udcff/../reports/report.json does not exist yet")
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {each.filename for each in FORMATS.values()}


def test_a_folder_that_can_not_be_had_keeps_no_report_from_another_place(run, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    code, _ = run("--output-dir", "taken", "--output", "json=reports/report.json")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert code == report["exitCode"] == 3
    assert report["run"]["incompleteReasons"] == ["taken could not be written (File exists)"]


def test_an_input_is_what_was_evaluated_though_a_snapshot_of_it_is_saved_and_one_that_was_not_saved_says_so(
    run, tmp_path
):
    run("--format", "json,attestation", "--save-snapshot", "s.json")
    (subject,) = json.loads((tmp_path / "reports/report.intoto.json").read_text())["subject"]
    assert subject["name"] == "i.json"
    demo = ["run", *QUICK, "--quiet", "--format", "attestation", "--save-snapshot", str(tmp_path)]
    assert CliRunner().invoke(cli, demo).exit_code == 3
    (subject,) = json.loads((tmp_path / "reports/report.intoto.json").read_text())["subject"]
    assert subject["annotations"] == {"northflankAuditSaved": False}


def test_what_goes_to_standard_output_says_that_people_could_not_be_told(monkeypatch, tmp_path, capsys):
    """It can't be taken back, so it comes after all that may fail before it."""
    monkeypatch.chdir(tmp_path)

    def lost(_report):
        raise DeliveryError("nobody was told")

    monkeypatch.setattr("northflank_audit.audit.runner.channels", lambda *_: [lost])
    done = CliRunner().invoke(cli, ["run", *QUICK, "--quiet", "--format", "json", "--output", "json=-"])
    assert done.exit_code == 3
    assert json.loads(done.stdout)["run"]["incompleteReasons"] == ["nobody was told"]


def test_an_audit_that_saw_nothing_leaves_the_last_complete_page_beside_its_own_once(tmp_path, monkeypatch):
    """A token that has expired takes the report from nobody, and neither does the next run with it."""
    monkeypatch.chdir(tmp_path)
    kept, page = Path("reports/report.previous.html"), Path("reports/report.html")

    def audited(account):
        Path("i.json").write_text(json.dumps(account))
        return CliRunner().invoke(cli, ["run", *RUN, "--format", "html"]).exit_code

    refused = {"data": {"credentials": []}, "pagination": {"hasNextPage": True, "count": 0}}
    assert audited(refused) == 3
    assert not kept.exists()
    partly = {"data": ACCOUNT, "pagination": {"hasNextPage": True, "count": 1}}
    assert [audited(ACCOUNT), audited(partly)] == [1, 3]
    assert not kept.exists()  # that one shows what it saw
    assert audited(ACCOUNT) == 1
    complete = page.read_text()
    for _ in range(2):
        assert audited(refused) == 3
        assert (kept.read_text(), "INCOMPLETE" in page.read_text()) == (complete, True)
    kept.unlink()
    kept.mkdir()
    assert [audited(ACCOUNT), audited(refused)] == [1, 3]
    assert "report.previous.html could not be written" in page.read_text()


def test_runs_of_one_process_write_one_after_the_other(monkeypatch, tmp_path):
    """In a fleet, several at a time would take the processor from the targets that are being read."""
    (tmp_path / "i.json").write_text(json.dumps(ACCOUNT))
    monkeypatch.setattr(deliver, "LONGEST_TURN", NET)
    writing, most, both = set(), [], threading.Event()

    def slow(_format, report, **_options):
        writing.add(report.run.id)
        most.append(len(writing))
        if len(most) == 2:
            both.set()
        both.wait(0.2)  # for the other, which has to wait
        writing.discard(report.run.id)
        yield b"x"

    monkeypatch.setattr(type(FORMATS["md"]), "pieces", slow)
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda name: written(tmp_path, name), ("a", "b")))
    assert (done, most) == ([1, 1], [1, 1])


def test_a_run_that_writes_for_long_holds_up_no_other(monkeypatch, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps(ACCOUNT))
    monkeypatch.setattr(deliver, "LONGEST_TURN", 0.01)
    with deliver._turns:
        assert written(tmp_path, "a") == 1
        assert deliver._turns.locked(), "and leaves it its turn"
    assert (tmp_path / "a/report.md").read_text()


def written(folder, name):
    """Write a report into a folder of its own; return the exit code of its final form."""
    settings = AuditSettings(input=[str(folder / "i.json")], rule=[RUN[3]]).checked()
    settings = replace(settings, output_dir=str(folder / name), format=("md",))
    report, _, _ = runner.run(settings, lambda _: None, name)
    return report.exit_code
