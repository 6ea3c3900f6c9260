"""The recipes say what the tool understands, and what they say works, run after run."""

import re
import stat

import pytest
import yaml
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.cli.run_command import run_command
from tests.conftest import ROOT
from tests.deploy.conftest import (
    COMMANDS,
    DEPLOY,
    GOOD,
    WORKFLOWS,
    action,
    arguments,
    audit_step,
    cron,
    job,
    kubernetes,
    pod,
    unit,
    workflow,
)

KEEP = ("cron", "systemd", "kubernetes")
"""The recipes whose reports stay for the next run."""


@pytest.fixture
def options(host, monkeypatch):
    """Return the options of a recipe's audit, of whatever place they come from, in a folder that holds audit.yaml."""
    monkeypatch.chdir(host.folder)
    (host.folder / "audit.yaml").write_text((DEPLOY / "audit.yaml").read_text())

    def given(name):
        if name in WORKFLOWS:
            step = audit_step(name)["with"]
            flags = [f"--{key}={value}" for key, value in step.items() if key != "token"]
        else:
            etc = str(host.place("/etc/northflank-audit"))
            flags = [each.replace("/etc/northflank-audit", etc) for each in arguments(COMMANDS[name]())]
        assert flags
        made = run_command.make_context("run", flags).params
        assert made["config"] is None or made["config"].diagnostics == []
        return made

    return given


@pytest.mark.parametrize("name", [*COMMANDS, *WORKFLOWS])
def test_every_option_of_a_recipe_is_one_and_the_role_is_the_smallest_for_its_rules(name, options):
    made = options(name)
    same = yaml.safe_load((DEPLOY / "audit.yaml").read_text())
    assert {key: made[key.replace("-", "_")] for key in same} == same | {"rules": tuple(same["rules"])}
    assert not (made["rule"] or made["skip_rule"] or made["all_teams"])
    command = ["plan", "--role", *(f"--rules={each}" for each in made["rules"])]
    for generation, file in (("2026", "role.txt"), ("2024", "role-2024.txt")):
        printed = CliRunner().invoke(cli, [*command, "--generation", generation], catch_exceptions=False)
        assert printed.output == (DEPLOY / file).read_text(), f"run `plan --role --generation {generation}`"


def test_every_variable_in_a_recipe_is_one():
    known = {name for option in run_command.params for name in option.envvar or ()}
    texts = [
        path.read_text() for path in (*DEPLOY.rglob("*"), ROOT / "action.yml", ROOT / "Dockerfile") if path.is_file()
    ]
    found = {name for text in texts for name in re.findall(r"\bNORTHFLANK_AUDIT_[A-Z_]+", text)}
    assert found > {"NORTHFLANK_AUDIT_FAIL_ON"}
    assert found - known == set()


@pytest.mark.parametrize("name", KEEP)
def test_the_first_run_needs_no_earlier_report_and_the_next_compares_with_it(name, host, serve):
    account = serve()
    first = host.sh(COMMANDS[name](), **account)
    assert (first.returncode, first.stderr) == (1, "")
    assert {each.get("state") for each in host.report["results"]} == {None}
    assert host.sh(COMMANDS[name](), **account).returncode == 1
    assert {each["state"] for each in host.report["results"]} == {"ongoing"}


def test_cron_mails_what_must_be_read_and_nothing_else(host, serve):
    account = serve(GOOD)
    host.place("/etc/northflank-audit/audit.yaml").write_text("rules: [pack:default]")  # of the rest it has nothing
    first, clean = host.sh(cron(), **account), host.sh(cron(), **account)
    assert (first.returncode, "warning: reports/report.json does not exist yet" in first.stdout) == (0, True)
    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "", "")
    assert host.report["coverage"]["resources"] == 1
    assert host.sh(cron(), **serve()).stdout.startswith("VIOLATED")


def test_cron_reads_the_file():
    path = DEPLOY / "cron/northflank-audit"
    text = path.read_text()
    assert text.endswith("\n"), "cron leaves out a last line without an end"
    assert re.fullmatch(r"[\w-]+", path.name), "cron leaves out files with a dot in their names"
    assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH), "cron leaves out files that others may write"
    *settings, line = [each for each in text.splitlines() if each and not each.startswith("#")]
    assert {each.partition("=")[0] for each in settings} == {"SHELL", "PATH", "MAILTO"}
    assert re.fullmatch(r"(\d+|\*)( (\d+|\*)){4}  [a-z-]+  [^%]+", line)


def test_nothing_ends_an_audit_before_the_audit_itself_does():
    timeout = yaml.safe_load((DEPLOY / "audit.yaml").read_text())["timeout"]
    spec = kubernetes("CronJob")["spec"]["jobTemplate"]["spec"]
    minutes = [
        unit("northflank-audit.service")["[Service]TimeoutStartSec"][0],
        *(workflow(name)["jobs"]["audit"]["timeout-minutes"] for name in WORKFLOWS),
    ]
    minutes.append(yaml.safe_load((DEPLOY / "gitlab/audit.gitlab-ci.yml").read_text())["northflank-audit"]["timeout"])
    seconds = [60 * int(re.match(r"\d+", each)[0]) for each in minutes]
    assert min(*seconds, spec["activeDeadlineSeconds"], job()["settings"]["activeDeadlineSeconds"]) > timeout + 300


def test_no_scheduler_runs_an_audit_again_for_its_exit_code_or_two_at_once():
    spec = kubernetes("CronJob")["spec"]
    assert (spec["concurrencyPolicy"], spec["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    assert pod()["restartPolicy"] == "Never"
    assert (job()["settings"]["cron"]["concurrencyPolicy"], job()["settings"]["backoffLimit"]) == ("forbid", 0)
    assert "[Service]Restart" not in unit("northflank-audit.service")


@pytest.mark.parametrize("name", ["lint", "test"])
def test_a_hook_looks_at_the_rules_of_the_folder_and_stops_broken_ones(name, host):
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    hook = hooks[f"northflank-audit-rules-{name}"]
    assert hook["pass_filenames"] is False  # so the entry is the whole command
    here = host.place("/var/lib/northflank-audit")
    (here / "audit.yaml").write_text("rules: [ours.yaml]\n")
    (here / "ours.yaml").write_text((ROOT / "rules/registry-credentials.yaml").read_text())
    passed = host.sh(hook["entry"])
    assert (passed.returncode, passed.stderr) == (0, ""), passed.stdout
    (here / "ours.yaml").write_text((ROOT / "tests/broken/rules/single-equals.yaml").read_text())
    broken = host.sh(hook["entry"])
    assert "ours.yaml:" in broken.stdout + broken.stderr
    assert broken.returncode == 1
    assert host.sh(f"{hook['entry']} {ROOT / 'rules/registry-credentials.yaml'}").returncode == 0


def test_the_workflows_give_the_action_only_what_it_takes():
    for name in WORKFLOWS:
        assert set(audit_step(name)["with"]) < set(action()["inputs"])


def test_gitlabs_child_pipeline_is_the_file_that_the_parent_names():
    (job,) = yaml.safe_load((DEPLOY / "gitlab/.gitlab-ci.yml").read_text()).values()
    (child,) = job["trigger"]["include"]
    assert (DEPLOY / "gitlab" / child["local"]).is_file()
    assert job["trigger"]["strategy"] == "depend"
