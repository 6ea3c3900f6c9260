"""docs/reference.md says what there is: each command, each option with its default, each field of the report."""

import json
import re

import click
import pytest

from northflank_audit.cli.app import cli
from tests.conftest import ROOT

PAGE = (ROOT / "docs/reference.md").read_text()
README = (ROOT / "README.md").read_text()
ELSEWHERE = {
    "--config": "`audit.yaml`, if it exists",
    "--notify-file": "`$NORTHFLANK_AUDIT_NOTIFY_URLS`",
    "--rules": "`pack:default`",
    "--rule": "all",
    "--team": "the token's own account",
}
"""What stands for the default of options whose default is no value of click's."""


def section(title: str) -> str:
    """Return what is below a heading, up to the next of its level."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    lines = re.search(r"(?:^\|.*\n)+", section(title), re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def commands(command: click.Command, names: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Return every command that is no group, by its names."""
    if not isinstance(command, click.Group):
        return {" ".join(names): command}
    with click.Context(command) as ctx:
        found = {name: command.get_command(ctx, name) for name in command.list_commands(ctx)}
    return {path: each for name, sub in found.items() for path, each in commands(sub, (*names, name)).items()}


COMMANDS = commands(cli)
OPTIONS = {row[0].strip("`").split()[0]: row for row in rows("Options of run")}


def test_every_command_is_there_and_no_other():
    named = {re.match(r"`([a-z]+(?: [a-z]+)?)", row[0])[1] for row in rows("Commands")}
    assert named == set(COMMANDS)


def test_every_option_of_a_command_that_is_named_is_one_of_its_options():
    for row in rows("Commands"):
        name = re.match(r"`([a-z]+(?: [a-z]+)?)", row[0])[1]
        known = {opt for param in COMMANDS[name].params for opt in param.opts}
        assert set(re.findall(r"`(--[a-z-]+)", row[1])) <= known, name


def test_every_option_of_run_is_there_and_no_other():
    params = [param for param in COMMANDS["run"].params if isinstance(param, click.Option)]
    assert list(OPTIONS) == [param.opts[0] for param in params], "in the order of --help"


@pytest.mark.parametrize("param", COMMANDS["run"].params, ids=lambda param: param.opts[0])
def test_the_default_of_each_option_is_the_real_one(param):
    told = OPTIONS[param.opts[0]][1]
    default = param.get_default(click.Context(COMMANDS["run"]))
    if param.opts[0] in ELSEWHERE:
        assert told == ELSEWHERE[param.opts[0]]
    elif param.is_flag:
        assert told == "off"
        assert default is not True
    elif not isinstance(default, str | int | float) or default == "":
        assert told == "none"
    else:
        assert told.strip("`") == str(default)


@pytest.mark.parametrize("param", COMMANDS["run"].params, ids=lambda param: param.opts[0])
def test_every_choice_of_an_option_is_named_and_each_repeatable_one_says_so(param):
    text = " ".join(OPTIONS[param.opts[0]]).replace("\\|", "|")
    if isinstance(param.type, click.Choice):
        assert all(re.search(rf"\b{choice}\b", text) for choice in param.type.choices)
    assert ("repeatable" in text) is param.multiple


def test_the_exit_codes_are_those_of_the_readme():
    told = {row[0] for row in rows("Exit codes")}
    assert told == {"0", "1", "2", "3", "130, 143"}
    assert told == set(re.findall(r"^\| ([0-9, ]+) \|", README, re.MULTILINE))


def test_the_json_report_has_the_fields_that_its_example_has(audit, tmp_path):
    config = tmp_path / "audit.yaml"
    config.write_text("overrides: {registry-credential-stale: off}\n")
    (tmp_path / "annotations.yaml").write_text("annotations: []\n")
    options = (
        "--demo",
        "--config",
        "audit.yaml",
        "--save-snapshot",
        "snapshot.json",
        "--compare",
        "reports/report.json",
        "--annotations",
        "annotations.yaml",
        "--format",
        "json",
    )
    for _ in range(2):
        audit(*options)
    real = json.loads((tmp_path / "reports/report.json").read_text())
    example = json.loads(re.search(r"```json\n(.*?)```", section("The JSON report"), re.DOTALL)[1])
    assert set(example) == set(real), "every field at the top"
    missing = [path for path in paths(example) if path not in set(paths(real))]
    assert not [path for path in missing if not path.startswith(("leftOut.", "rules.[].controls.", "rules.[].params."))]
    for name in ("run", "coverage", "summary", "gate", "tool"):
        assert set(example[name]) == set(real[name]) - {"accounts"}


def paths(value, prefix=""):
    """Yield the path of every field."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{prefix}{key}"
            yield from paths(item, f"{prefix}{key}.")
    if isinstance(value, list):
        for item in value:
            yield from paths(item, f"{prefix}[].")


def test_every_field_that_the_table_describes_is_one(audit, tmp_path):
    real = set(re.findall(r'"(\w+)":', (ROOT / "docs/reference.md").read_text()))
    optional = {
        "accounts",
        "annotation",
        "at",
        "became",
        "firstSeen",
        "lastSeen",
        "openSince",
        "overdue",
        "projects",
        "reason",
        "trend",
        "unwaived",
    }
    for row in rows("The JSON report"):
        for name in re.findall(r"`([\w.\[\]]+)`", row[0]):
            assert name.rpartition(".")[2] in real | optional, name
