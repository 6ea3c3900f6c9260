"""What `--input` names: files, and answers of a type's list."""

import json
from contextlib import closing

import pytest

from northflank_audit.audit.source_opening import input_file
from northflank_audit.errors import StartError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"credentials": []}))
    (tmp_path / "addon@p=a.json").write_text("{}")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a.json", ("a.json", None, None)),
        ("api-token=a.json", ("a.json", "api-token", None)),
        ("addon@shop/eu=a.json", ("a.json", "addon", "shop/eu")),
        ("addon@p=a.json", ("addon@p=a.json", None, None)),
        ("./addon@p=a.json", ("./addon@p=a.json", None, None)),
    ],
)
def test_a_type_and_a_project_may_stand_before_a_file(given, found):
    with closing(input_file(given)) as file:
        assert (file.name, file.type, file.project) == found


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("adon@p=a.json", r"unknown type 'adon' \(did you mean 'addon'\?\)"),
        ("account=a.json", "unknown type 'account'"),
        ("addon=a.json", "addons belong to a project: addon@PROJECT=a.json"),
        ("addon@=a.json", "addons belong to a project"),
        ("domain@p=a.json", "domains belong to no project: domain=a.json"),
        ("addon@p=none.json", "none.json"),
        ("none.json", "none.json"),
    ],
)
def test_what_names_no_list_is_refused(given, problem):
    with pytest.raises(StartError, match=problem):
        input_file(given)
