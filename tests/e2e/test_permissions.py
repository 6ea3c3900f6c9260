"""What a token may not read is unknown, and named with its permission; everything else is evaluated."""

import json
from dataclasses import replace

import pytest

from northflank_audit.emulator import Emulator, load
from northflank_audit.resources import TYPES, Scope

LISTED = {
    name: kind for name, kind in TYPES.items() if kind.scope in (Scope.ACCOUNT, Scope.PROJECT) and not kind.within
}
ALL = frozenset(kind.listing.permission.name for kind in LISTED.values())
OF_PROJECTS = {name for name, kind in LISTED.items() if kind.scope is Scope.PROJECT}


@pytest.fixture
def rules(tmp_path):
    """Write a rule about each type, that passes on whatever the list gives."""
    (tmp_path / "rules.json").write_text(
        json.dumps(
            {
                "rules": [
                    {
                        "id": name,
                        "title": name,
                        "severity": "low",
                        "resource": name,
                        "require": f"{kind.variable}.{kind.id} != ''",
                    }
                    for name, kind in LISTED.items()
                ]
            }
        )
    )
    return "rules.json"


@pytest.mark.parametrize(
    ("refused", "unread"),
    [
        ("api-token", {"api-token"}),
        ("addon", {"addon"}),
        ("domain", {"domain"}),
        ("vcs-link", {"vcs-link"}),
        ("encryption-configuration", {"encryption-configuration"}),
        ("project", {"project", *OF_PROJECTS}),
    ],
)
def test_rules_about_what_may_not_be_read_are_unknown_and_the_others_are_evaluated(refused, unread, rules, audit):
    permission = TYPES[refused].listing.permission
    with Emulator(replace(load(None), permissions=ALL - {permission.name})) as server:
        ended = audit("--rules", rules, "--include", "pass", "--api-url", server.url, NORTHFLANK_API_TOKEN=server.token)
    results = ended.report["results"]
    assert ended.code == 3
    assert {each["ruleId"] for each in results if each["status"] == "unknown"} == unread
    assert {each["resource"]["id"] for each in results if each["status"] == "unknown"} == {None}
    assert {each["ruleId"] for each in results if each["status"] == "pass"} == LISTED.keys() - unread
    assert {each["status"] for each in results} == {"pass", "unknown"}
    reasons = " ".join(ended.report["run"]["incompleteReasons"])
    assert permission.name in reasons
    assert permission.before in reasons
