"""The declarations agree with each other, and with what is documented."""

import ast

import pytest

from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.resources import PARENT, TYPES, Scope
from northflank_audit.resources.base import Kind
from tests.conftest import ROOT


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_a_declaration_is_whole(kind):
    assert TYPES[kind.name] is kind
    assert kind.variable.isidentifier()
    if kind.scope is Scope.WHOLE:
        assert kind.listing is None
        return
    assert kind.collection.isidentifier()
    listed = {field.path for field in kind.listing.fields}
    assert kind.id in listed
    assert kind.label in listed
    for part in kind.sources:
        assert ("{project}" in part.path) is (kind.scope is Scope.PROJECT)
        assert ("{id}" in part.path) is (part is not kind.listing)
        assert part.path not in kind.never
        assert str(part.permission).endswith(("Read", "List", ")")) or kind.scope is Scope.TOKEN


def test_names_are_unique():
    for attribute in ("name", "variable", "collection", "plural"):
        names = [getattr(kind, attribute) for kind in TYPES.values() if kind.listing]
        assert len(set(names)) == len(names)


def test_lists_and_maps_above_fields_are_fields():
    fields = TYPES["service"].fields
    assert fields["ports"].kind is Kind.LIST
    assert fields["ports[].security"].kind is Kind.MAP
    assert fields["ports[].public"].kind is Kind.BOOLEAN
    assert fields["deployment"].kind is Kind.MAP


def test_which_part_gives_a_field_is_known():
    addon = TYPES["addon"]
    assert addon.giving(("name",)) == {"list"}
    assert TYPES["registry-credential"].giving(("restrictions",)) == {"list", "detail"}
    assert addon.giving(("spec", "config", "networking")) == {"detail"}
    assert addon.giving(("backupSchedules", "[]", "retentionTime")) == {"backupSchedules"}
    assert addon.giving(("backupSchedules",)) == {"backupSchedules"}
    assert addon.giving(("nothing",)) == frozenset()


def test_no_other_module_names_a_type():
    """`account` is also a variable of expressions, and `project` a part of a resource's name."""
    names = set(TYPES) - {"account", PARENT.name}
    package = ROOT / "northflank_audit"
    found = [
        (path.relative_to(package).as_posix(), node.value)
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in ("resources", "emulator")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert found == [("model.py", RESOURCE_TYPE)]
