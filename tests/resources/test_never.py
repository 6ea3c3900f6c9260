"""Endpoints that show secrets are never asked: no declaration can make their addresses, and nothing else makes any."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.errors import FetchError
from northflank_audit.northflank.paging import endpoint
from northflank_audit.resources import TYPES
from tests.conftest import ROOT

DOCUMENTED = yaml.safe_load(Path(__file__).with_name("never.yaml").read_text())
NEVER = sorted(
    {*(path for paths in DOCUMENTED.values() for path in paths), *(p for k in TYPES.values() for p in k.never)}
)
PARTS = [(f"{kind.name} {part.name}", part.path) for kind in TYPES.values() for part in kind.sources]
OTHERS = ("/auth", "/v1/teams")
"""What addresses are made of besides the paths of declarations."""


def steps(path):
    return [None if step.startswith("{") else step for step in path.strip("/").split("/")]


def can_be(template, never):
    """Tell whether ids can be found with which a template gives an address that must never be asked."""
    one, other = steps(template), steps(never)
    return len(one) == len(other) and all(None in (a, b) or a == b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_documented_to_show_secrets_is_declared_never_to_be_called(name):
    declared = {re.sub(r"\{\w+\}", "{}", path) for path in TYPES[name].never}
    assert set(DOCUMENTED[name]) <= declared


@pytest.mark.parametrize("path", [path for _, path in PARTS], ids=[name for name, _ in PARTS])
def test_no_path_of_a_declaration_can_become_one_of_them(path):
    for base in ("", "/teams/{team}"):
        assert not [each for each in NEVER for other in ("", "/teams/{team}") if can_be(base + path, other + each)]


@given(st.sampled_from([path for _, path in PARTS]), st.none() | st.text(min_size=1), st.text(), st.text(), st.text())
def test_no_id_adds_a_step_to_an_address_or_takes_one_away(path, team, project, identity, name):
    try:
        made = endpoint(path, team, project=project, id=identity, name=name)
    except (FetchError, UnicodeEncodeError):
        return
    base = "" if team is None else "/teams/{team}"
    assert len(made.split("/")) == len(f"/v1{base}{path}".split("/"))
    assert not set(made) & set("?#\\ ")
    assert not {".", ".."} & set(made.split("/"))


def calls(name):
    """Yield every call of a function or method of what talks to the API, with its file."""
    files = [*(ROOT / "northflank_audit/northflank").rglob("*.py"), *(ROOT / "northflank_audit/sources").rglob("*.py")]
    for file in sorted(files):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield file.relative_to(ROOT / "northflank_audit").as_posix(), node


def test_addresses_are_made_of_declared_paths_alone():
    sources = [ast.unparse(call.args[0]) for _, call in calls("endpoint")]
    assert sources
    assert {each for each in sources if not each.endswith(".path")} == {repr(OTHERS[0])}
    paths = {
        ast.unparse(keyword.value).partition("(")[0]
        for _, call in calls("Listing")
        for keyword in call.keywords
        if keyword.arg == "path"
    }
    assert paths == {"endpoint", "self._path", repr(OTHERS[1])}


def test_the_client_is_asked_for_nothing_else():
    """What sends requests to the API is one method of one module, and its callers pass an endpoint or a listing's path."""
    asked = {
        (file, ast.unparse(call.args[0]).partition("(")[0])
        for file, call in calls("get")
        if ast.unparse(call.func) in ("client.get", "self._client.get")
    }
    assert asked == {
        ("northflank/paging.py", "listing.path"),
        ("sources/gone_projects.py", "path"),
        ("sources/parts.py", "self._path"),
        ("sources/scopes.py", "endpoint"),
    }
    assert [(file, ast.unparse(call.func)) for file, call in calls("send")] == [
        ("northflank/client.py", "self._adapter.send")
    ]
    assert [ast.unparse(call.args[0]) for _, call in calls("Request")] == ["'GET'"]


def test_nothing_else_sends_requests_or_knows_the_api():
    """The other users of HTTP clients deliver reports; the token goes to none of them."""
    users = {
        file.relative_to(ROOT / "northflank_audit").as_posix()
        for file in (ROOT / "northflank_audit").rglob("*.py")
        if re.search(
            r"^\s*(import|from) (requests|urllib3|http\.client|urllib\.request)\b", file.read_text(), re.MULTILINE
        )
    }
    outside = {each for each in users if not each.startswith("northflank/")}
    assert {each.partition("/")[0] for each in outside} <= {"delivery", "transient.py"}, outside


@pytest.mark.parametrize("never", NEVER)
def test_a_declaration_of_such_a_path_is_noticed(never):
    assert can_be(never.replace("{}", "{id}"), never)
    assert not can_be(f"{never}/more", never)
