import pytest
from msgspec.structs import replace

from northflank_audit.formats.places import Places


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
    places = Places(replace(report, rules=[replace(report.rules[0], origin=origin)]))
    place = places.of("provider")
    assert (*place, place.uri) == (path, line, uri)


def test_what_has_no_rule_of_this_run_is_at_the_first_file(report):
    places = Places(report)
    assert places.of("former") == places.audit == ("rules.yaml", 1)
    assert Places(replace(report, rules=[])).audit == ("rules", 1)
