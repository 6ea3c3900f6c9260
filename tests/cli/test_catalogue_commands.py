import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.resources import TYPES


def run(*arguments):
    done = CliRunner().invoke(cli, [*arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def test_types_are_listed_with_what_is_asked_and_what_never_is():
    text = run("types").output
    for kind in TYPES.values():
        assert f"\n{kind.name}  " in f"\n{text}"
        for part in kind.sources:
            assert f"GET {kind.base}{part.path}\n" in text
            assert str(part.permission) in text
        for path in kind.never:
            assert f"never called     {kind.base}{path}\n" in text


def test_types_as_json_hold_fields_endpoints_and_permissions():
    types = json.loads(run("types", "--json").output)["types"]
    assert [each["type"] for each in types] == list(TYPES)
    token = next(each for each in types if each["type"] == "api-token")
    assert token["endpoints"] == [
        {
            "part": "list",
            "path": "/v1/tokens",
            "permission": "Account > Admin > ApiTokens > Read",
            "permissionBefore2026": "Account > Admin > ApiTokens > Read",
            "perResource": False,
        }
    ]
    fields = {each["path"]: each for each in token["fields"]}
    assert (fields["expiresAt"]["nullHasMeaning"], fields["creatorEmail"]["personal"]) == (True, True)
    addon = next(each for each in types if each["type"] == "addon")
    parts = {each["path"]: each["parts"] for each in addon["fields"]}
    assert parts["spec.config.networking.tlsEnabled"] == ["detail"]
    assert parts["backupSchedules[].retentionTime"] == ["backupSchedules"]


RULES = """
rules:
  - id: public
    title: T
    severity: high
    resource: addon
    require: "!addon.spec.config.networking.externalAccessEnabled"
  - id: named
    title: T
    severity: low
    resource: api-token
    require: api_token.name != ''
"""


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "r.yaml").write_text(RULES)
    return str(tmp_path / "r.yaml")


def test_a_plan_names_each_endpoint_its_permission_and_the_rules_that_need_it(rules):
    text = run("plan", "--rules", rules, "--team", "payments").output
    assert text.startswith("accounts: payments\n")
    assert "GET /v1/projects/{project}/addons/{id}  (detail: each addon" in text
    assert "      for public\n" in text
    assert "backup-schedules" not in text  # no rule reads them
    assert text.endswith(
        "permissions:\n  Account > Admin > ApiTokens > Read\n  Project > Projects > Manage > Read\n"
        "  Project > Addons > General > Read\n"
    )


def test_a_plan_as_json(rules):
    plan = json.loads(run("plan", "--rules", rules, "--json").output)
    assert plan["accounts"] == {"teams": [], "allTeams": False}
    parts = {each["type"]: {part["part"]: part["rules"] for part in each["parts"]} for each in plan["types"]}
    assert parts == {
        "api-token": {"list": ["named"]},
        "project": {"list": ["public"]},
        "addon": {"list": ["public"], "detail": ["public"]},
    }


def test_a_plan_sends_nothing_and_needs_no_token(rules, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it must not connect"))
    assert run("plan", "--rules", rules).exit_code == 0
