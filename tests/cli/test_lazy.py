"""No command imports what only others need."""

import os
import subprocess
import sys

import click
import pytest

from northflank_audit.cli import rule_commands
from northflank_audit.cli.app import LAZY, cli
from tests.conftest import NET, ROOT

LOADED = """
import os, sys
os._exit = sys.exit
sys.argv = ["audit.py", *sys.argv[1:]]
from northflank_audit.__main__ import main
try:
    main()
except SystemExit:
    pass
print(*sorted(sys.modules), file=sys.stderr)
"""


HEAVY = {
    "ada_url", "alembic", "apprise", "cel_expr_python", "distributed", "email", "google.protobuf", "ijson",
    "importlib.metadata", "jinja2", "lark", "markdown_it", "msgspec", "prometheus_client", "requests", "rich",
    "sqlalchemy", "tenacity", "xlsxwriter", "yaml",
}  # fmt: skip
"""Packages that take more than some milliseconds to import."""
OPTIONS = {"msgspec", "yaml"}
RULES = {*OPTIONS, "ada_url", "cel_expr_python", "google.protobuf"}
IMPORTS = {
    "--version": set(),
    "formats": {"msgspec"},
    "--help": OPTIONS,
    "config show": OPTIONS,
    "rules --help": set(),
    "rules lint rules": {*RULES, "lark"},
    "types": {"msgspec"},
    "plan": RULES,
    "run --format json": RULES,
    "run --format html": {*RULES, "jinja2", "markdown_it"},
}
"""The heavy packages that each command imports, where nothing violates a rule; an audit is one of a file."""


def loaded(*arguments, folder=ROOT):
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], cwd=folder, capture_output=True, text=True,
                          check=True, timeout=NET, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("command", IMPORTS)
def test_a_command_imports_no_heavy_package_that_it_does_not_use(command, tmp_path):
    arguments = command.split()
    if arguments[0] == "run":
        (tmp_path / "saved.json").write_text('{"credentials": []}')
        arguments += ["--input", "saved.json"]
    modules = loaded(*arguments, folder=tmp_path if arguments[0] == "run" else ROOT)
    assert "northflank_audit.cli.app" in modules
    assert HEAVY & modules == IMPORTS[command]


@pytest.mark.parametrize(("group", "lazies"), [([], LAZY), (["rules"], rule_commands.LAZY)])
def test_help_imports_no_command_that_it_lists(group, lazies):
    of_run = "northflank_audit.cli.run_command"  # whose options the list of commands shows
    assert not {each.module for each in lazies} - {of_run} & loaded(*group, "--help")


@pytest.mark.parametrize(
    ("group", "lazy"),
    [(group, lazy) for group in (cli, rule_commands.rules_group) for lazy in group.lazy.values()],
    ids=lambda each: each.name,
)
def test_a_list_of_commands_says_what_the_commands_say_of_themselves(group, lazy):
    with click.Context(group) as ctx:
        command = group.get_command(ctx, lazy.name)
    assert command.name == lazy.name
    assert (command.help or "").replace("\n", " ").startswith(lazy.help)
