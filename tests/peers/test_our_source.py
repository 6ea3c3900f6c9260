"""Our source and the official SDK read the same emulator, and see the same resources of every declared type."""

import pytest
from northflank import ApiClient

from northflank_audit.emulator import Emulator, load
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.resources import TYPES, Scope
from northflank_audit.resources.needs import Needs
from northflank_audit.sources.api import ApiSource
from tests.conftest import NET
from tests.peers.test_official_clients import LISTED, SDK, all_of, call_of, items_of, places
from tests.secrecy import assert_never_asked, planted

pytestmark = pytest.mark.peer
READ = [name for name in LISTED if TYPES[name].scope in (Scope.ACCOUNT, Scope.PROJECT)]
NEEDS = Needs({name: {part.name: ("rule",) for part in TYPES[name].sources} for name in READ})


@pytest.fixture(scope="module")
def server():
    with Emulator(load(None)) as server:
        yield server


@pytest.fixture(scope="module")
def ours(server):
    """Every resource of the token's own account and of all teams, with every part."""
    found = []
    for teams in ([], None):
        with Client(server.url, Token(server.token, "test"), max_attempts=1, deadline=Deadline(NET)) as client:
            source = ApiSource(client, Origin(kind="api"), teams, page_size=2, details=True)
            read = [each for page in source.pages(NEEDS) for each in page]
            wanted = {each.identity: frozenset(part.name for part in TYPES[each.type].parts) for each in read}
            found += [each for page in source.complete(read, wanted) for each in page]
        assert (source.problems, source.gaps, len(read)) == ([], [], len({each.identity for each in read}))
    return found


@pytest.mark.parametrize("name", READ)
def test_we_see_what_the_sdk_sees(name, server, ours):
    call, kind = call_of(ApiClient(api_token=server.token, base_url=server.url), SDK[name]), TYPES[name]
    theirs = [
        (arguments.get("team_id"), arguments.get("project_id"), item[kind.id])
        for arguments, _ in places(name)
        for item in items_of(all_of(call, **arguments), kind.listing.keys)
    ]
    assert [(each.team, each.project, each.id) for each in ours if each.type == name] == theirs


def test_every_part_is_read_nothing_secret_is_kept_and_nothing_is_asked_that_only_shows_secrets(server, ours):
    assert all(each.parts == frozenset(part.name for part in TYPES[each.type].sources) for each in ours)
    assert planted([each.record for each in ours]) == set()
    assert_never_asked(server.requests)
