import pytest

from northflank_audit.resources.variables import KINDS, kind_of, named, paths

VALUES = {
    "${refs.db.POSTGRES_URI}": "reference",
    "postgres://app:pa55word@db.internal:5432/app": "credential-url",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE": "private-key",
    "ghp_" + "a1" * 18: "token",
    "AKIA" + "ABCDEFGH12345678": "token",
    "c2VjcmV0LXZhbHVlLTEyMzQ1Njc4OTA": "high-entropy",
    "production": "plain",
    "https://example.com/callback": "plain",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa1": "plain",
    "": "empty",
    "   ": "empty",
    None: "empty",
    8080: "plain",
}


@pytest.mark.parametrize(("value", "kind"), VALUES.items(), ids=map(str, VALUES))
def test_the_kind_of_a_value(value, kind):
    assert kind_of(value) == kind
    assert kind in KINDS


def test_names_come_in_order_and_without_values():
    assert named({"B": "x", "A": ""}) == [{"name": "A", "kind": "empty"}, {"name": "B", "kind": "plain"}]
    assert paths({"/etc/b": {"data": "secret"}, "/etc/a": 1}) == [{"path": "/etc/a"}, {"path": "/etc/b"}]
