"""Who has no id yet gets one, the same in every list; addresses and names are kept only where a rule reads them."""

import hashlib

import pytest

from northflank_audit.policy.rule_reads import needs
from northflank_audit.resources import TYPES
from northflank_audit.resources.decode import joined, part_record
from northflank_audit.resources.members import invited
from tests.conftest import rule

ADA = {"id": None, "name": "Ada", "emails": [{"address": "ada@example.com", "verified": False}], "finalized": False}


def test_an_id_is_made_of_team_and_address_and_does_not_show_them():
    digest = hashlib.sha256(b'["blue","ada@example.com"]').hexdigest()
    assert invited(ADA, "blue") == f"invited-{digest[:12]}"
    assert invited(ADA, "red") != invited(ADA, "blue") != invited(ADA, None)


def test_it_is_the_same_whether_addresses_are_texts_or_maps_and_in_whatever_order():
    both = [{"address": "b@example.com"}, {"address": "a@example.com"}]
    assert invited({"emails": both}, None) == invited({"emails": ["a@example.com", "b@example.com"]}, None)
    assert invited({"emails": both}, None) != invited({"emails": ["b@example.com"]}, None)


@pytest.mark.parametrize(
    "emails", [None, [], "ada@example.com", [None], [{}], [{"address": ""}], [{"address": 3}], [3]]
)
def test_without_an_address_there_is_none(emails):
    assert invited({"id": None, "emails": emails}, "blue") is None
    assert invited({}, "blue") is None


@pytest.mark.parametrize("name", ["team-member", "org-member"])
def test_names_and_addresses_are_kept_only_where_they_are_asked_for(name):
    part = TYPES[name].listing
    assert part_record(part, ADA | {"id": "ada"}) == {"id": "ada", "emails": [{"verified": False}], "finalized": False}
    assert part_record(part, ADA | {"id": "ada"}, {"name", "emails[].address"}) == ADA | {"id": "ada"}


def test_so_are_those_of_members_of_roles_and_groups():
    role, group = TYPES["team-role"].part("members"), TYPES["directory-group"].part("members")
    person = {"id": "ada", "name": "Ada", "emails": ["ada@example.com"]}
    assert joined(role, {}, [ADA | {"id": "ada"}], {"members[].emails[].address"}) == {
        "members": [{"id": "ada", "emails": ADA["emails"], "finalized": False}]
    }
    assert joined(group, {}, [person]) == {"members": [{"id": "ada"}]}
    assert joined(group, {}, [person], {"members[].emails[]"})["members"] == [{"id": "ada", "emails": person["emails"]}]
    assert joined(group, {}, [person], {"name"})["members"] == [{"id": "ada"}]


@pytest.mark.parametrize(
    ("require", "paths"),
    [
        ("directory_group.members.all(m, m.emails.all(e, e.endsWith('@example.com')))", {"members[].emails[]"}),
        ("directory_group.members.all(m, !('a@example.com' in m.emails))", {"members[].emails[]"}),
        ("directory_group.members.exists(m, m.name == 'Ada')", {"members[].name"}),
    ],
)
def test_a_rule_that_reads_them_asks_for_them(require, paths):
    found = needs([rule(resource="directory-group", require=require)])
    assert found.personal == {"directory-group": paths}
    assert found.parts["directory-group"].keys() == {"list", "members"}


def test_a_rule_that_reads_none_asks_for_none():
    require = "size(team_role.members) < 3 && team_role.members.all(m, m.finalized && m.id != '')"
    assert needs([rule(resource="team-role", require=require)]).personal == {}
