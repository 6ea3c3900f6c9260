import datetime as dt
import json

import msgspec
import pytest

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.config.policy import Policy
from northflank_audit.errors import StartError
from northflank_audit.model import Account, Status
from northflank_audit.report import Origin, Tool
from northflank_audit.sources.files import DIFFERENT, NO_PROJECTS, InputSource
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot import SnapshotWriter, digest
from tests.conftest import resource, rule

CLI = {"credentials": [{"id": "a", "name": "A"}, {"id": "b"}]}


def source(*values, team=None):
    files = [
        (f"f{n}.json", value if isinstance(value, bytes) else json.dumps(value).encode())
        for n, value in enumerate(values)
    ]
    return InputSource(files, team)


def read(*values, team=None):
    found = source(*values, team=team)
    return found, [item for page in found.pages() for item in page]


def test_the_clis_output_and_an_api_response_give_the_same():
    _, by_cli = read(CLI, team="t")
    found, by_api = read({"data": CLI, "pagination": {"hasNextPage": False, "count": 2}}, team="t")
    assert by_cli == by_api
    assert [(item.id, item.name, item.team) for item in by_api] == [("a", "A", "t"), ("b", None, "t")]
    assert (found.problems, found.coverage().pages, found.origin.files) == ([], 1, ["f0.json"])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"data": CLI, "pagination": {"hasNextPage": True, "count": 2}}, "there is a next page"),
        ({"data": CLI, "pagination": {"hasNextPage": False, "cursor": "x"}}, "there is a next page"),
        ({"data": CLI, "pagination": {"hasNextPage": False, "count": 3}}, "has 3 items, and has 2"),
        ({"data": CLI}, "its 'pagination' does not say whether there is a next page"),
        ({"data": CLI, "pagination": None}, "does not say whether"),
        ({"data": CLI, "pagination": [{"hasNextPage": False}]}, "does not say whether"),
        ({"data": CLI, "pagination": {"count": 2}}, "does not say whether"),
        ({**CLI, "pagination": None}, "does not say whether"),
        ({"credentials": [{"id": "a"}, {"name": "x"}]}, "1 of 2 items has no id"),
        ({"credentials": [{"id": "a", "x": 1}, {"id": "a", "x": 2}]}, "two different records have the id 'a'"),
    ],
)
def test_what_is_missing_makes_it_incomplete(value, problem):
    found, items = read(value)
    assert len(items) >= 1
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_a_credential_that_comes_twice_is_judged_once_and_warned_of():
    found, items = read(CLI, CLI)
    assert [item.id for item in items] == ["a", "b"]
    assert (len(found.warnings), found.problems) == (2, [])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "f0.json: empty; did the command"),
        (b" \n", "empty"),
        (b"{", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (" \n".encode("utf-16"), "empty"),
        (b"\xff\xfe{", "not JSON"),
        (
            b'{"credentials": [{"id": "a", "x": {"restricted": false, "restricte\\u0064": true}}]}',
            "f0.json: it contradicts itself: the key 'restricted' stands twice in one object",
        ),
        (b'{"kind": "northflank-audit-snapshot", "pages": 1, "pages": 2}', "the key 'pages' stands twice"),
        (b"[]", "it must be a snapshot"),
        (b'{"credentials": 1}', "it must be"),
        (b'{"data": []}', "it must be"),
        (b'{"credentials": [], "data": {"credentials": []}}', "it has both 'data' and 'credentials'"),
        (b'{"credentials": [], "data": null}', "it must be"),
        (b'{"error": {"status": 500}, "data": {"credentials": []}}', "it is an error's answer"),
        (b'{"kind": "northflank-audit-snapshot"}', "not a whole snapshot"),
    ],
)
def test_what_is_none_of_the_forms_is_refused(content, problem):
    with pytest.raises(StartError, match=problem):
        source(content)


TAKEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Given(Source):
    """What a live run saw."""

    def pages(self):
        yield self._admit([{"id": "a", "description": "x"}, {"id": "c"}], "t", "page 1")


def snapshot():
    live = Given(Origin(kind="api", url="u", teams=["t", "u"]))
    live.problems, live.warnings, live.page_count, live.counted = ["a page is missing"], ["careful"], 3, 2
    list(live.pages())
    writer = SnapshotWriter()
    writer.add([resource(id="a", team="t"), resource(id="b", team="u", detailed=False, x=1)])
    return json.loads(writer.text(Tool("t", "1"), TAKEN, live))


def test_a_snapshot_gives_back_what_was_judged():
    found, items = read(snapshot())
    assert items == [resource(id="a", team="t"), resource(id="b", team="u", detailed=False, x=1)]
    assert (found.problems, found.warnings, found.page_count) == (["a page is missing"], ["careful"], 3)
    assert (found.counted, found.as_of, found.origin.taken_at) == (2, TAKEN, TAKEN)
    assert snapshot()["generations"] == ["2024", "2026"]
    assert found.origin.teams == ["t", "u"]


def test_a_snapshot_of_a_snapshot_tells_the_same_generations():
    """Though the detail of a credential of 2026 brings what only the list of 2024 has."""
    live = Given(Origin(kind="api"))
    live.generations = {"2026"}
    writer = SnapshotWriter()
    writer.add([resource(id="a", restrictions={"restricted": True})])
    found, _ = read(json.loads(writer.text(Tool("t", "1"), TAKEN, live)))
    assert found.generations == {"2026"}


@pytest.mark.parametrize(
    "change",
    [
        {"records": []}, {"incompleteReasons": []}, {"takenAt": "2026-02-01T00:00:00Z"}, {"warnings": []},
        {"generations": []}, {"count": None}, {"pages": 2}, {"tool": {"name": "t", "version": "2"}}, {"sha256": ""},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_changed_snapshot_is_noticed(change):
    found, _ = read(snapshot() | change)
    assert "its SHA-256 does not match" in found.problems[-1]


def test_beside_another_input_a_snapshot_is_judged_as_of_now():
    found = source(snapshot(), {"credentials": []})
    assert found.as_of is None
    assert source(snapshot() | {"takenAt": "2025-01-01T00:00:00Z"}, snapshot()).as_of == TAKEN


def test_a_snapshot_knows_its_teams():
    with pytest.raises(StartError, match="leave --team away"):
        source(snapshot(), team="t")


def test_a_snapshot_is_no_place_for_secrets():
    found = InputSource([("f", json.dumps({"credentials": [{"id": "a", "auths": {"x": "SECRET"}}]}).encode())], None)
    writer = SnapshotWriter()
    for page in found.pages():
        writer.add(page)
    text = writer.text(Tool("t", "1"), dt.datetime.now(dt.UTC), found)
    assert "SECRET" not in text
    assert msgspec.json.decode(text)["records"][0]["record"] == {"id": "a"}


def test_a_snapshot_is_judged_as_of_its_time_and_its_age_is_told():
    policy = Policy(rules=[rule(require="now == timestamp('2026-01-01T00:00:00Z')")], waivers=[], earlier=None)
    report = runner.audit(
        AuditRequest(policy=policy, include=frozenset({Status.PASS})), source(snapshot()), lambda _: None
    )
    assert [each.status for each in report.results] == ["pass", "pass"]
    assert "days old, and was judged as of then" in report.warnings[-1]


def saved(*accounts, problems=(), records=()):
    live = Given(Origin(kind="api"))
    live.accounts = {each.team: each for each in accounts}
    live.problems = list(problems)
    writer = SnapshotWriter()
    writer.add(records)
    return json.loads(writer.text(Tool("t", "1"), TAKEN, live))


def gaps(found):
    return {team: sorted(account.unknown) for team, account in found.accounts.items()}


NO_GAP = {"projects": NO_PROJECTS}


def test_an_account_is_whole_if_nothing_is_wrong_with_its_files():
    assert gaps(read(CLI, {"credentials": []})[0]) == {None: ["projects"]}
    more = {"data": {"credentials": [{"id": "c"}]}, "pagination": {"hasNextPage": True, "count": 1}}
    for files in ((CLI, more), (more, CLI)):
        found, _ = read(*files, team="t")
        assert found.accounts == {"t": Account(team="t", unknown={**NO_GAP, "resources": found.problems[0]})}


def test_a_snapshot_gives_back_its_accounts():
    accounts = (
        Account(team="t", projects=["p"]),
        Account(team="u", unknown={"resources": "page 2 is missing", "projects": "HTTP 403"}),
        Account(team=None, unknown=NO_GAP),
    )
    found, _ = read(saved(*accounts, problems=["page 2 is missing"]))
    assert list(found.accounts.values()) == list(accounts)
    assert found.problems == ["page 2 is missing"]


@pytest.mark.parametrize("change", [{"records": []}, {"accounts": [{"team": "t", "projects": ["q"]}]}, {"sha256": ""}])
def test_no_account_of_a_changed_snapshot_is_whole(change):
    given = saved(Account(team="t", projects=["p"]), records=[resource(id="a", team="t")])
    found, _ = read({**given, **change})
    assert "its SHA-256 does not match" in found.accounts["t"].unknown["resources"]


def earlier(**more):
    """Return a snapshot as it was before accounts were kept."""
    given = {name: value for name, value in (snapshot() | more).items() if name not in ("accounts", "counts")}
    (made,) = [value for _, value in source(given)._inputs]
    return {**given, "sha256": digest(made)}


def test_an_earlier_snapshot_still_matches_its_digest():
    given = earlier(incompleteReasons=[])
    # What that version made of the same, over all keys but `accounts` and `counts`:
    assert given["sha256"] == "39ac95dcb1b5984d9a6f814bf9f4b774e9ee4ddd870ba73aa29f8feff47fc001"
    found, items = read(given)
    assert (found.problems, len(items)) == ([], 2)


def resealed(given):
    """Return a snapshot with the digest that it must have."""
    (made,) = [value for _, value in source(given)._inputs]
    return {**given, "sha256": digest(made)}


NAMELESS = [{**each, "record": {"name": "x"}} for each in snapshot()["records"]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"records": []}, "f0.json: it says that it has 2 records, and has 0"),
        ({"records": [], "counts": {}}, None),
        ({"counts": {"registry-credential": 2, "service": 1}}, "f0.json: it says that it has 3 records, and has 2"),
        ({"records": NAMELESS}, "f0.json: 2 of 2 records have no id, and could not be judged"),
    ],
)
def test_a_snapshot_that_lost_records_is_incomplete_though_its_digest_is_right(change, problem):
    found, _ = read(resealed(snapshot() | {"incompleteReasons": []} | change))
    assert found.problems == ([problem] if problem else [])


def test_an_earlier_snapshot_that_lost_records_is_incomplete_though_its_digest_is_right():
    whole = {"incompleteReasons": [], "warnings": [], "count": 2}
    assert read(earlier(**whole))[0].problems == []
    assert read(earlier(**whole, records=[]))[0].problems == [
        "f0.json: the lists that it was taken of had 2 credentials, and it has 0"
    ]


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "soon", 7, None]
)
def test_a_snapshot_of_no_usable_time_is_refused(time):
    for change in ({"takenAt": time}, {"source": {"kind": "api", "takenAt": time}}):
        with pytest.raises(StartError, match="not a whole snapshot"):
            source(snapshot() | change)


def test_the_accounts_of_an_earlier_snapshot_are_those_of_its_source_and_records():
    assert gaps(read(earlier(incompleteReasons=[]))[0]) == {"t": ["projects"], "u": ["projects"]}
    assert gaps(read(earlier())[0]) == {"t": ["projects", "resources"], "u": ["projects", "resources"]}
    own = {"source": {"kind": "api", "teams": []}, "records": [], "count": 0, "incompleteReasons": []}
    assert gaps(read(earlier(**own))[0]) == {None: ["projects"]}


def test_inputs_of_one_account_are_put_together_and_contradictions_are_not_known():
    p, q = (saved(Account(team=None, projects=[each])) for each in "pq")
    refused = saved(Account(team=None, unknown={"projects": "HTTP 403"}))
    for files in ((CLI, p), (p, CLI), (p, p), (refused, p), (p, refused)):
        assert read(*files)[0].accounts == {None: Account(team=None, projects=["p"])}
    for files in ((p, q), (p, q, q), (p, q, p)):
        assert read(*files)[0].accounts[None].unknown == {"projects": DIFFERENT}
    assert read(refused, CLI)[0].accounts[None].unknown == {"projects": "HTTP 403"}
    gap = saved(Account(team=None, projects=["p"], unknown={"resources": "page 2"}), problems=["page 2"])
    for files in ((gap, p), (p, gap), (gap, CLI), (CLI, gap)):
        assert read(*files)[0].accounts == {None: Account(team=None, projects=["p"], unknown={"resources": "page 2"})}


def test_a_record_that_is_nested_too_deeply_takes_nothing_from_the_others():
    deep = {"id": "deep"}
    for _ in range(600):
        deep = {"id": "deep", "inner": deep}
    made = source({"credentials": [deep, {"id": "sound"}]})
    assert [each.id for page in made.pages() for each in page] == ["sound"]
    assert made.problems == ["f0.json: the credential 'deep' is nested too deeply to be judged"]
