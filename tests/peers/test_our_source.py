"""Our source and the official SDK read the same emulator, and see the same resources of every declared type."""

from dataclasses import replace

import pytest
from northflank import ApiClient

from northflank_audit.emulator import Emulator
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.resources import TYPES, Scope
from northflank_audit.resources.needs import Needs
from northflank_audit.sources.api import ApiSource
from tests.conftest import NET
from tests.peers.test_official_clients import LISTED, SAMPLE, SDK, all_of, call_of, items_of, places
from tests.secrecy import assert_never_asked, planted

pytestmark = pytest.mark.peer
OF_ORGANISATION = [name for name in LISTED if TYPES[name].scope is Scope.ORGANISATION]
READ = [name for name in LISTED if name not in OF_ORGANISATION]
OF_AN_ORGANISATION = {**SAMPLE.auth, "entityType": "org", "entityId": "group"}


def needing(names):
    return Needs({name: {part.name: ("rule",) for part in TYPES[name].sources} for name in names})


def read(server, names, accounts):
    """Return every resource of some types, with every part."""
    found = []
    for teams in accounts:
        with Client(server.url, Token(server.token, "test"), max_attempts=1, deadline=Deadline(NET)) as client:
            source = ApiSource(client, Origin(kind="api"), teams, page_size=2, details=True)
            read = [each for page in source.pages(needing(names)) for each in page]
            wanted = {each.identity: frozenset(part.name for part in TYPES[each.type].parts) for each in read}
            found += [each for page in source.complete(read, wanted) for each in page]
        assert (source.problems, source.gaps, len(read)) == ([], [], len({each.identity for each in read}))
    return found


@pytest.fixture(scope="module")
def server():
    with Emulator(SAMPLE) as server:
        yield server


@pytest.fixture(scope="module")
def ours(server):
    """What a team's token sees of its own account and of all teams."""
    return read(server, READ, ([], None))


def theirs(server, name):
    """Yield the identities of what the SDK lists; who has no id there has the one that we compute."""
    call, kind = call_of(ApiClient(api_token=server.token, base_url=server.url), SDK[name]), TYPES[name]
    for arguments, _ in places(name):
        team = arguments.get("team_id")
        for item in items_of(all_of(call, **arguments), kind.listing.keys):
            identity = item[kind.id] or kind.listing.identify(item, team)
            yield name, None if team == SAMPLE.auth["entityId"] else team, arguments.get("project_id"), identity


@pytest.mark.parametrize("name", READ)
def test_we_see_what_the_sdk_sees(name, server, ours):
    assert [each.identity for each in ours if each.type == name] == list(theirs(server, name))


def test_with_an_organisation_s_token_we_see_what_the_sdk_sees_of_the_organisation():
    with Emulator(replace(SAMPLE, auth=OF_AN_ORGANISATION)) as server:
        found = read(server, OF_ORGANISATION, ([],))
        for name in OF_ORGANISATION:
            assert [each.identity for each in found if each.type == name] == list(theirs(server, name))
    assert all(each.parts == frozenset(part.name for part in TYPES[each.type].sources) for each in found)


def test_who_is_invited_has_the_same_id_as_a_member_and_in_a_role(ours):
    members = {(each.team, each.id) for each in ours if each.type == "team-member"}
    in_roles = {
        (each.team, member["id"]) for each in ours if each.type == "team-role" for member in each.record["members"]
    }
    invited = {(team, identity) for team, identity in in_roles if identity.startswith("invited-")}
    assert len(invited) == 2
    assert invited <= members


def test_every_part_is_read_nothing_secret_is_kept_and_nothing_is_asked_that_only_shows_secrets(server, ours):
    assert all(each.parts == frozenset(part.name for part in TYPES[each.type].sources) for each in ours)
    assert planted([each.record for each in ours]) == set()
    assert_never_asked(server.requests)
