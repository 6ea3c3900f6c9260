"""The emulator's page: its examples can be served and played, its tables name every key."""

import json
import re

import msgspec
import pytest

from northflank_audit.emulator import Fault, Plan, load, load_plan
from northflank_audit.emulator.account_files import _OF_A_FILE
from northflank_audit.emulator.endpoints import _Row, built_in
from tests.conftest import ROOT

PAGE = (ROOT / "docs/emulator.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
NAMED = {name for row in re.findall(r"^\| `.*", PAGE, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text[:20])
def test_an_example_can_be_used_as_it_is(example, tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(example)
    if "faults:" in example:
        assert load_plan(str(path)).faults
    else:
        accounts = load(str(path))
        assert accounts.own.projects
        assert json.dumps([accounts.own.projects, accounts.own.credentials, accounts.own.lists])
    assert len(EXAMPLES) == 3


def test_every_key_is_described():
    lists = {each.source[-1] for each in built_in()}
    rows = {each.encode_name for each in msgspec.structs.fields(_Row)}
    plan = {each.encode_name for struct in (Fault, Plan) for each in msgspec.structs.fields(struct)}
    in_example = {key for key in plan if re.search(rf"^{key}:", PAGE, re.MULTILINE)}
    assert (lists | rows | set(_OF_A_FILE) | plan) - NAMED - in_example == set()
