import pytest
from msgspec.structs import replace

from northflank_audit.formats.locations import RuleLocations, resource_uri
from northflank_audit.model import ResourceName


@pytest.mark.parametrize(
    ("origin", "path", "line", "uri"),
    [
        ("rules/a.yaml:12", "rules/a.yaml", 12, "rules/a.yaml"),
        ("./my rules/ä#1.yaml:1", "my rules/ä#1.yaml", 1, "my%20rules/%C3%A4%231.yaml"),
        ("../a:b.yaml:3", "../a:b.yaml", 3, "../a%3Ab.yaml"),
        ("/etc/audit/a.yaml:3", "/etc/audit/a.yaml", 3, "file:///etc/audit/a.yaml"),
        ("a\x00\udcff.yaml:3", "a\ufffd\ufffd.yaml", 3, "a%EF%BF%BD%EF%BF%BD.yaml"),
    ],
)
def test_a_finding_is_at_its_rule(report, origin, path, line, uri):
    locations = RuleLocations(replace(report, rules=[replace(report.rules[0], origin=origin)]))
    place = locations.of("provider")
    assert (*place, place.uri) == (path, line, uri)


def test_what_has_no_rule_of_this_run_is_at_the_first_file(report):
    locations = RuleLocations(report)
    assert locations.of("former") == locations.audit == ("rules.yaml", 1)
    assert RuleLocations(replace(report, rules=[])).audit == ("rules", 1)


@pytest.mark.parametrize(
    ("resource_type", "team", "name", "uri"),
    [
        ("registry-credential", None, "pull", "northflank/account/registry-credentials/pull"),
        ("registry-credential", "payments", "pull", "northflank/teams/payments/registry-credentials/pull"),
        ("account", None, "account", "northflank/account"),
        ("account", "payments", "payments", "northflank/teams/payments"),
        ("registry-credential", "a/b", "ä ?#%", "northflank/teams/a%2Fb/registry-credentials/%C3%A4%20%3F%23%25"),
        # Readers that normalize a path would take these for steps up.
        ("registry-credential", "..", ".", "northflank/teams/%252E%252E/registry-credentials/%252E"),
        ("registry-credential", None, "\ud800", "northflank/account/registry-credentials/%ED%A0%80"),
    ],
)
def test_a_resource_has_a_path_of_its_own(resource_type, team, name, uri):
    assert resource_uri(ResourceName(resource_type, name, None, team)) == uri


def test_long_ids_are_cut_and_still_told_apart():
    one, other = (resource_uri(ResourceName("registry-credential", "x" * 10_000 + end, None, None)) for end in "ab")
    assert one != other
    assert max(len(one), len(other)) < 300
