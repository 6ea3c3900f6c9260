"""The command `emulator`: a mistake in an account file or a plan is reported as in any other file that people write."""

import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.errors import FileErrors, StartError

ACCOUNT = """\
tokens:
  - {id: a}
  - {name: b}
  - {id: a}
permissions: [Account > Admin > ApiToken > Read]
projects:
  - id: p
    addon: []
    services: {}
teams: [{id: t, token: []}]
"""
TOLD = [
    (3, 5, "this must be a map with the key 'id', a text"),
    (4, 10, "duplicate id 'a', first in tokens[0]"),
    (5, 15, "unknown permission 'Account > Admin > ApiToken > Read' (did you mean 'Account > Admin > ApiTokens > Read'?)"),
    (8, 5, "unknown key 'addon' (did you mean 'addons'?)"),
    (9, 15, "this must be a list of maps"),
    (10, 17, "unknown key 'token' (did you mean 'tokens'?)"),
]  # fmt: skip
ONE_MISTAKE = {
    "tokens:\n - {id: a\n": (2, 4, "not valid YAML"),
    "tokens: [{id: a}]\ntokens: []\n": (2, 1, "duplicate key 'tokens', first in line 1"),
    '{"tokens": [{"id": "a"}],\n "tokens": []}': (2, 2, "duplicate key 'tokens', first in line 1"),
    '{"data": {"tokens": [\n{"id": 7}]}, "pagination": {}}': (2, 1, "this must be a map with the key 'id', a text"),
    "tokens: []\nendpoints: [{from: x, path: x, list: []}]": (2, 32, "unknown key 'list' (did you mean 'listed'?)"),
    "asOf: 2026-01-01\ntokens: [{id: a, createdAt: soon}]": (2, 29, "not a date-time"),
    "": (1, 1, "this must map lists such as 'credentials'"),
}


@pytest.fixture
def refused(tmp_path):
    """Serve what can't be served; return what is said of it."""

    def run(option, text):
        file = tmp_path / "account.yaml"
        if text is not None:
            file.write_text(text)
        error = CliRunner().invoke(cli, ["emulator", option, str(file)], standalone_mode=False).exception
        assert isinstance(error, StartError), error
        return error

    return run


def test_every_mistake_is_told_with_its_line_and_column(refused):
    error = refused("--data", ACCOUNT)
    assert isinstance(error, FileErrors)
    assert [(each.line, each.column, each.problem) for each in error.errors] == TOLD
    assert all(each.path.endswith("account.yaml") for each in error.errors)


@pytest.mark.parametrize("text", ONE_MISTAKE)
def test_a_mistake_of_each_kind_is_told_with_its_line_and_column(refused, text):
    line, column, problem = ONE_MISTAKE[text]
    (error,) = refused("--data", text).errors
    assert (error.line, error.column) == (line, column)
    assert error.problem.startswith(problem)


def test_no_excerpt_shows_what_may_be_a_secret(refused):
    text = json.dumps({"credentials": [{"password": "not-a-real-secret-1", "id": 7}]})
    assert "not-a-real" not in refused("--data", text).with_excerpt


def test_a_file_that_is_not_there_is_told(refused):
    assert str(refused("--data", None)).endswith("account.yaml: can't be read (No such file or directory)")


def test_a_mistake_in_a_plan_of_faults_is_told_with_its_line_and_column(refused):
    (error,) = refused("--faults", "rate-limit: 5\nfaults:\n  - {nht: 1}\n").errors
    assert (error.line, error.column, error.problem) == (3, 6, "unknown key 'nht' (did you mean 'nth'?)")
