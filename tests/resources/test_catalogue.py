"""The declarations agree with each other, and with what is documented."""

import ast

import pytest

from northflank_audit.config.policy import read_rules
from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.policy.rule_reads import needs
from northflank_audit.resources import PARENT, TYPES, Scope
from northflank_audit.resources.fields import Kind
from tests.conftest import ROOT, rule


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
    if kind.within is not None:
        source = kind.within.parent.part(kind.within.part)
        assert source.joins
        assert (kind.scope, kind.parts, kind.never) == (kind.within.parent.scope, (), ())
        assert (kind.listing.path, kind.listing.permission) == (source.path, source.permission)
        assert set(kind.keys) <= listed
        assert {field.path for field in source.fields} <= listed
        return
    for part in kind.sources:
        assert ("{project}" in part.path) is (kind.scope is Scope.PROJECT)
        assert ("{id}" in part.path) is (part is not kind.listing)
        assert part.path not in kind.never
        assert str(part.permission).endswith(("Read", "List", ")")) or kind.scope is Scope.TOKEN
        assert not (part.joins and part.into)
        assert bool(part.each) is ("{name}" in part.path) is bool(part.by)
        if part.each:
            assert part.joins
            assert kind.fields[part.each].kind is Kind.TEXT
            names = [each.name for each in kind.sources]
            assert all(names.index(name) < names.index(part.name) for name in kind.needed({part.name}) - {part.name})


def test_no_two_children_have_the_same_id():
    node, path = TYPES["cluster-node"], TYPES["subdomain-path"]
    assert node.identity({"clusterId": "eu", "nodeId": "n/1"}) == "eu/n/1"
    assert node.identity({"clusterId": "eu/n", "nodeId": "1"}) == "eu%2Fn/1"
    assert node.identity({"clusterId": "eu%2Fn", "nodeId": "1"}) == "eu%252Fn/1"
    assert path.identity({"domain": "example.com", "subdomain": "www", "uri": "/api"}) == "example.com/www//api"
    assert node.identity({"clusterId": "eu"}) is node.identity({"clusterId": "eu", "nodeId": 1}) is None
    assert TYPES["domain"].identity({"name": "a/b", "id": "c"}) == "a/b"


def test_a_rule_over_children_needs_their_part_of_all_parents():
    deep = "account.jobs.all(job, job.settings.backoffLimit < 9)"
    read = needs([rule(resource="subdomain-path", require=f"subdomain_path.uri != '' && {deep}")])
    assert read.listed == ["project", "job", "domain"]
    assert [kind.name for kind in read.children] == ["subdomain-path"]
    assert read.whole == {"domain": {"paths", "detail"}, "job": {"detail"}}
    assert read.parts["domain"].keys() == {"list", "detail", "paths"}
    other = needs([rule(resource="job", require="account.subdomain_paths.all(p, p.uri != '') && job.suspended")])
    assert other.whole == {"domain": {"paths", "detail"}}


def test_personal_fields_of_children_are_kept_in_their_parents():
    read = needs([rule(resource="team-role-member", require="team_role_member.emails.all(e, e.address != '')")])
    assert read.personal == {
        "team-role-member": {"emails[].address"},
        "team-role": {"members[].emails[].address"},
    }
    group = needs([rule(resource="directory-group-member", require="size(directory_group_member.emails) > 0")])
    assert group.personal["directory-group"] == {"members[].emails[]"}


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


def test_a_part_that_is_asked_for_by_names_needs_the_part_that_gives_them():
    domain = TYPES["domain"]
    assert domain.needed({"paths"}) == {"paths", "detail"}
    assert domain.needed({"list", "detail"}) == {"list", "detail"}
    assert domain.giving(("paths", "[]", "uri")) == {"paths"}
    read = needs([rule(resource="domain", require="domain.paths.all(p, p.uri != '')")])
    assert read.parts["domain"].keys() == {"list", "detail", "paths"}


def test_what_a_part_in_a_field_gives_is_below_that_field():
    job = TYPES["job"]
    assert job.fields["deployment.external.imagePath"].address
    assert job.giving(("deployment", "external", "imagePath")) == {"deployment"}
    assert job.giving(("deployment", "region")) == {"detail"}
    assert job.giving(("deployment",)) == {"detail", "deployment"}
    assert {"external", "imagePath"} <= job.names_of(frozenset({"deployment"}))
    assert {"deployment.docker", "deployment.buildpack"} <= job.secrets
    assert "paths.options.headers.request.set" in TYPES["domain"].secrets


def test_what_only_one_part_gives_is_absent_as_a_whole_without_it():
    domain, addon = TYPES["domain"], TYPES["addon"]
    assert domain.names_of(frozenset({"subdomainDetails", "paths"})) == {"subdomainDetails", "paths"}
    assert addon.names_of(frozenset({"version"})) == {"version"}
    reads_of_the_detail = needs([rule(resource="domain", require="has(domain.certificates.status.expiryDate)")])
    assert reads_of_the_detail.parts["domain"].keys() == {"list", "detail"}


def test_no_other_module_names_a_type():
    """Some names are also words: a variable of expressions, parts of a resource's name, columns, keys."""
    names = set(TYPES) - {"account", PARENT.name, "team", "tag", "template", "cluster"}
    package = ROOT / "northflank_audit"
    found = [
        (path.relative_to(package).as_posix(), node.value)
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in ("resources", "emulator")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert found == [("model.py", RESOURCE_TYPE)]


def test_every_type_is_read_by_a_bundled_rule():
    read = needs(read_rules(["pack:everything"]).checked()).parts
    assert set(TYPES) - read.keys() == {"account"}
