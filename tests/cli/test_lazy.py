"""No command imports what only others need."""

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


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["rules", "--help"], ["rules", "lint", "rules"], ["formats"]]
)
def test_neither_requests_nor_jinja2_is_imported_where_nothing_is_asked_or_rendered(arguments):
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=True, timeout=NET)  # fmt: skip
    loaded = done.stderr.splitlines()[-1].split()
    assert "northflank_audit.cli.app" in loaded
    assert not {"requests", "jinja2", "rich", "prometheus_client"} & set(loaded)


@pytest.mark.parametrize(("group", "lazies"), [([], LAZY), (["rules"], rule_commands.LAZY)])
def test_help_imports_no_command_that_it_lists(group, lazies):
    done = subprocess.run([sys.executable, "-c", LOADED, *group, "--help"], cwd=ROOT, capture_output=True, text=True,
                          check=True, timeout=NET)  # fmt: skip
    assert not {each.module for each in lazies} & set(done.stderr.splitlines()[-1].split())


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
