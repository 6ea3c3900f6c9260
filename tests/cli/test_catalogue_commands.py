import json

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
