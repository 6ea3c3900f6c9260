import dataclasses
import datetime as dt
import hashlib
import json
from contextlib import ExitStack
from functools import partial

import msgspec
import pytest
import requests

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.source_opening import input_file
from northflank_audit.config.policy import Policy
from northflank_audit.emulator import Emulator, load
from northflank_audit.errors import StartError
from northflank_audit.model import Account, Resource, Status
from northflank_audit.report import Origin, Tool
from northflank_audit.resources import TYPES, Scope
from northflank_audit.resources.decode import listed
from northflank_audit.resources.needs import Needs
from northflank_audit.sources.earlier_snapshot import ONLY_IDS, EarlierSnapshot
from northflank_audit.sources.input_forms import InputFile
from northflank_audit.sources.interface import NOT_ASKED, Source
from northflank_audit.sources.saved_files import DIFFERENT, NO_DETAILS, NOT_STATED, InputSource
from northflank_audit.sources.snapshot import Snapshot
from northflank_audit.sources.snapshot_writer import SnapshotWriter
from tests.conftest import CREDENTIALS, NET, needing, resource, rule
from tests.sampled import NOW, resources

CLI = {"credentials": [{"id": "a", "name": "A"}, {"id": "b"}]}


def source(*values, team=None):
    files = [
        (f"f{n}.json", value if isinstance(value, bytes) else json.dumps(value).encode())
        for n, value in enumerate(values)
    ]
    return InputSource(files, team)


def read(*values, team=None, needs=CREDENTIALS):
    found = source(*values, team=team)
    return found, [item for page in found.pages(needs) for item in page]


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


def test_a_credential_that_comes_twice_is_evaluated_once_and_warned_of():
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
            "f0.json: it contradicts itself: the key 'restricted' occurs twice in one object",
        ),
        (b'{"kind": "northflank-audit-snapshot", "pages": 1, "pages": 2}', "the key 'pages' occurs twice"),
        (b"[]", "expects a snapshot"),
        (b'{"credentials": 1}', "expects"),
        (b'{"data": []}', "expects"),
        (b'{"credentials": [], "data": {"credentials": []}}', "it has both 'data' and 'credentials'"),
        (b'{"credentials": [], "data": null}', "expects"),
        (b'{"error": {"status": 500}, "data": {"credentials": []}}', "an error answer of the API"),
        (b'{"kind": "northflank-audit-snapshot"}', "not a whole snapshot"),
    ],
)
def test_what_is_none_of_the_forms_is_refused(content, problem):
    with pytest.raises(StartError, match=problem):
        source(content)


TAKEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Given(Source):
    """What a live run saw."""

    def _pages(self, kinds):
        for kind in kinds:
            if kind is REGISTRY:
                items = [{"id": "a", "description": "x"}, {"id": "c"}]
                yield self._admit(items, kind, "t", None, "page 1", decode=partial(listed, kind))


REGISTRY = TYPES["registry-credential"]


def snapshot():
    live = Given(Origin(kind="api", url="u", teams=["t", "u"]))
    live.problems, live.warnings, live.page_count, live.counted = ["a page is missing"], ["careful"], 3, 2
    list(live.pages(CREDENTIALS))
    writer = SnapshotWriter()
    writer.add([resource(id="a", team="t"), resource(id="b", team="u", detailed=False, x=1)])
    return json.loads(b"".join(writer.text(Tool("t", "1"), TAKEN, live)))


def test_a_snapshot_gives_back_what_was_evaluated():
    found, items = read(snapshot())
    assert items == [resource(id="a", team="t"), resource(id="b", team="u", detailed=False, x=1)]
    assert (found.problems, found.warnings, found.page_count) == (["a page is missing"], ["careful"], 3)
    assert (found.counted, found.as_of, found.origin.taken_at) == (2, TAKEN, TAKEN)
    assert snapshot()["generations"] == ["2024", "2026"]
    assert found.origin.teams == ["t", "u"]


def test_a_snapshot_of_a_snapshot_tells_the_same_generations():
    """Though the detail of a credential of 2026 brings what only the list of 2024 has."""
    live = Given(Origin(kind="api"))
    live.generations, live.needs = {"2026"}, CREDENTIALS
    writer = SnapshotWriter()
    writer.add([resource(id="a", restrictions={"restricted": True})])
    found, _ = read(json.loads(b"".join(writer.text(Tool("t", "1"), TAKEN, live))))
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


def test_beside_another_input_a_snapshot_is_evaluated_as_of_now():
    found = source(snapshot(), {"credentials": []})
    assert found.as_of is None
    assert source(snapshot() | {"takenAt": "2025-01-01T00:00:00Z"}, snapshot()).as_of == TAKEN


def test_a_snapshot_knows_its_teams():
    with pytest.raises(StartError, match="omit --team"):
        source(snapshot(), team="t")


def test_a_snapshot_is_no_place_for_secrets():
    found = InputSource([("f", json.dumps({"credentials": [{"id": "a", "auths": {"x": "SECRET"}}]}).encode())], None)
    writer = SnapshotWriter()
    for page in found.pages(CREDENTIALS):
        writer.add(page)
    text = b"".join(writer.text(Tool("t", "1"), dt.datetime.now(dt.UTC), found)).decode()
    assert "SECRET" not in text
    assert msgspec.json.decode(text)["records"][0]["record"] == {"id": "a"}


def test_a_snapshot_is_evaluated_as_of_its_time_and_its_age_is_told():
    policy = Policy(rules=[rule(require="now == timestamp('2026-01-01T00:00:00Z')")], waivers=[], baseline=None)
    report = runner.audit(
        AuditRequest(policy=policy, include=frozenset({Status.PASS})), source(snapshot()), lambda _: None
    )
    assert [each.status for each in report.results] == ["pass", "pass"]
    assert "days old, and was evaluated as of its date" in report.warnings[-1]


BOTH = needing("registry-credential", "project")


def saved(*accounts, problems=(), records=(), needs=BOTH):
    live = Given(Origin(kind="api"))
    live.needs = needs
    live.accounts = {each.team: each for each in accounts}
    live.problems = list(problems)
    writer = SnapshotWriter()
    writer.add(records)
    for account in accounts:
        writer.add(project(each, account.team) for each in account.projects)
    return json.loads(b"".join(writer.text(Tool("t", "1"), TAKEN, live)))


def project(identity, team=None):
    return Resource(type="project", id=identity, name=None, team=team, record={"id": identity})


def gaps(found):
    return {team: sorted(account.unknown) for team, account in found.accounts.items()}


NOT_HELD = "the input has no projects; use a snapshot of a live audit with a rule that reads them"


def test_an_account_is_whole_if_nothing_is_wrong_with_its_files():
    assert gaps(read(CLI, {"credentials": []})[0]) == {None: []}
    more = {"data": {"credentials": [{"id": "c"}]}, "pagination": {"hasNextPage": True, "count": 1}}
    for files in ((CLI, more), (more, CLI)):
        found, _ = read(*files, team="t", needs=BOTH)
        unknown = {"project": NOT_HELD, "registry-credential": found.problems[0]}
        assert found.accounts == {"t": Account(team="t", unknown=unknown)}


def test_a_type_that_an_input_does_not_hold_is_a_gap_of_each_of_its_accounts():
    needs = needing("registry-credential", "project", "addon")
    found, _ = read(CLI, team="t", needs=needs)
    assert {(gap.type, gap.team, gap.project, gap.id) for gap in found.gaps} == {
        ("project", "t", None, ""),
        ("addon", "t", None, ""),
    }
    accounts = Account(team="t"), Account(team="u")
    found, _ = read(saved(*accounts, needs=CREDENTIALS), needs=needs)
    assert {(gap.type, gap.team, gap.shortfall) for gap in found.gaps} == {
        (kind, team, NOT_ASKED) for kind in ("project", "addon") for team in "tu"
    }
    assert [each.complete for each in found.coverage().types] == [True, False, False]


def test_a_snapshot_gives_back_its_accounts():
    accounts = (
        Account(team="t", projects=["p"]),
        Account(team="u", unknown={"registry-credential": "page 2 is missing", "project": "HTTP 403"}),
        Account(team=None, unknown={"project": NOT_ASKED}),
    )
    found, items = read(saved(*accounts, problems=["page 2 is missing"]), needs=BOTH)
    assert list(found.accounts.values()) == list(accounts)
    assert found.problems == ["page 2 is missing"]
    assert items == [project("p", "t")]


@pytest.mark.parametrize("change", [{"records": []}, {"accounts": [{"team": "t", "projects": ["q"]}]}, {"sha256": ""}])
def test_no_account_of_a_changed_snapshot_is_whole(change):
    given = saved(Account(team="t", projects=["p"]), records=[resource(id="a", team="t")])
    found, _ = read({**given, **change})
    assert "its SHA-256 does not match" in found.accounts["t"].unknown["registry-credential"]


def test_an_account_that_a_snapshot_has_only_records_of_is_not_known_as_a_whole():
    found, _ = read(saved(Account(team="t"), records=[resource(id="a", team="u")]))
    assert {team: each.unknown for team, each in found.accounts.items()} == {
        "t": {},
        "u": {"registry-credential": NOT_STATED},
    }


@pytest.mark.parametrize("kept", [None, {}, {"api-token": ["creatorEmail"]}])
def test_a_personal_field_that_a_snapshot_was_kept_without_is_not_known(kept):
    needs = needing("api-token")
    record = {"id": "a", "name": "a", "active": True}
    given = saved(
        Account(team=None),
        needs=needs,
        records=[Resource(type="api-token", id="a", name="a", team=None, record=record)],
    )
    assert given.pop("personal") == {}
    given = resealed(given if kept is None else {**given, "personal": kept})
    rules = [rule(require="!has(api_token.creatorEmail)", resource="api-token")]
    policy = Policy(rules=rules, waivers=[], baseline=None)
    report = runner.audit(AuditRequest(policy=policy, include=frozenset(Status)), source(given), lambda _: None)
    assert [each.status for each in report.results] == [Status.PASS if kept else Status.UNKNOWN]
    found, items = read(given, needs=Needs(needs.parts, {"api-token": frozenset({"creatorEmail"})}))
    writer = SnapshotWriter()
    writer.add(items)
    assert json.loads(b"".join(writer.text(Tool("t", "1"), TAKEN, found)))["personal"] == {
        "api-token": ["creatorEmail"] if kept else []
    }


def resealed(given):
    """Return a snapshot with the digest that it must have."""
    kind = EarlierSnapshot if given["schemaVersion"] == "1.0" else Snapshot
    text = msgspec.json.encode(msgspec.convert({**given, "sha256": ""}, kind), order="deterministic")
    return {**given, "sha256": hashlib.sha256(text).hexdigest()}


NAMELESS = [{**each, "record": {"name": "x"}} for each in snapshot()["records"]]
RENAMED = [{**each, "record": {"id": "z"}} for each in snapshot()["records"][:1]] + snapshot()["records"][1:]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"records": []}, "f0.json: it says that it has 2 registry credentials, and has 0"),
        ({"records": [], "counts": {}}, None),
        (
            {"counts": {"registry-credential": 2, "service": 1}},
            "f0.json: it says that it has 1 services, and has 0",
        ),
        ({"counts": {}}, "f0.json: 2 of its records are of types of which it says that it has none"),
        ({"records": NAMELESS}, "f0.json: 2 of 2 records have no id, and could not be evaluated"),
        ({"records": RENAMED}, "f0.json: 1 of 2 records has no id, and could not be evaluated"),
        (
            {"records": [{**each, "type": "tomorrow"} for each in snapshot()["records"]], "counts": {"tomorrow": 2}},
            "f0.json: 2 of its records are of types that this version lacks",
        ),
    ],
)
def test_a_snapshot_that_lost_records_is_incomplete_though_its_digest_is_right(change, problem):
    found, _ = read(resealed(snapshot() | {"incompleteReasons": []} | change))
    assert found.problems == ([problem] if problem else [])


def test_the_records_of_a_snapshot_pass_the_same_filter_as_the_apis():
    record = {"id": "g", "name": "g", "secrets": {"A": "SECRET"}, "type": "config"}
    kept = Resource(type="secret-group", id="g", name="g", team=None, project="p", record=record)
    given = saved(Account(team=None, projects=["p"]), records=[kept], needs=needing("secret-group", "project"))
    _, items = read(given, needs=needing("secret-group"))
    assert items == [msgspec.structs.replace(kept, record={"id": "g", "name": "g", "type": "config"})]


# -- Snapshots of schema 1.0 -------------------------------------------------------------------------------------------
FIRST = {
    "kind": "northflank-audit-snapshot",
    "schemaVersion": "1.0",
    "tool": {"name": "t", "version": "1"},
    "takenAt": "2026-01-01T00:00:00Z",
    "source": {"kind": "api", "url": "u", "teams": ["t", "u"]},
    "generations": ["2024", "2026"],
    "pages": 3,
    "count": 2,
    "incompleteReasons": ["a page is missing"],
    "warnings": ["careful"],
    "records": [
        {"team": "t", "record": {"id": "a"}, "detailed": True, "shortfall": None},
        {"team": "u", "record": {"id": "b", "x": 1}, "detailed": False, "shortfall": "why"},
    ],
}


def earlier(**more):
    """Return a snapshot as it was before accounts were kept."""
    return resealed(FIRST | more)


def test_an_earlier_snapshot_still_matches_its_digest():
    records = [{**each, "shortfall": None} for each in FIRST["records"]]
    given = earlier(incompleteReasons=[], records=records)
    # What that version made of the same, over all keys but `accounts` and `counts`:
    assert given["sha256"] == "39ac95dcb1b5984d9a6f814bf9f4b774e9ee4ddd870ba73aa29f8feff47fc001"
    found, items = read(given)
    assert (found.problems, len(items)) == ([], 2)


def test_an_earlier_snapshot_gives_its_records_and_projects():
    accounts = [
        {"team": "t", "projects": ["p", "q"], "unknown": {}},
        {"team": "u", "projects": [], "unknown": {"projects": "HTTP 403", "resources": "page 2"}},
    ]
    found, items = read(earlier(accounts=accounts, counts={"registry-credential": 2}), needs=BOTH)
    assert found.accounts == {
        "t": Account(team="t", projects=["p", "q"]),
        "u": Account(team="u", unknown={"project": "HTTP 403", "registry-credential": "page 2"}),
    }
    assert items == [
        resource(id="a", team="t"),
        msgspec.structs.replace(resource(id="b", team="u", detailed=False, x=1), shortfall="why"),
        msgspec.structs.replace(project("p", "t"), parts=frozenset(), shortfall=ONLY_IDS),
        msgspec.structs.replace(project("q", "t"), parts=frozenset(), shortfall=ONLY_IDS),
    ]
    assert (found.problems, found.gaps) == (["a page is missing"], [])


@pytest.mark.parametrize(
    ("require", "status"), [("!has(project.description)", Status.UNKNOWN), ("project.id == 'p'", Status.PASS)]
)
def test_of_an_earlier_snapshots_projects_only_the_ids_are_known(require, status):
    given = earlier(accounts=[{"team": "t", "projects": ["p"]}], records=[], incompleteReasons=[], warnings=[], count=0)
    policy = Policy(rules=[rule(require=require, resource="project")], waivers=[], baseline=None)
    request = AuditRequest(policy=policy, include=frozenset(Status))
    report = runner.audit(request, source(given), lambda _: None)
    assert [(each.resource.id, each.status) for each in report.results] == [("p", status)]


def test_an_earlier_snapshot_that_was_changed_is_noticed():
    found, _ = read(earlier() | {"pages": 1})
    assert "its SHA-256 does not match" in found.problems[-1]
    found, _ = read(earlier(counts={"registry-credential": 3}, incompleteReasons=[]))
    assert found.problems == ["f0.json: it says that it has 3 records, and has 2"]


def test_an_earlier_snapshot_that_lost_records_is_incomplete_though_its_digest_is_right():
    whole = {"incompleteReasons": [], "warnings": [], "count": 2}
    assert read(earlier(**whole))[0].problems == []
    assert read(earlier(**whole, records=[]))[0].problems == ["f0.json: its lists had 2 credentials, but it has 0"]


def test_the_accounts_of_an_earlier_snapshot_are_those_of_its_source_and_records():
    both = ["project", "registry-credential"]
    assert gaps(read(earlier(incompleteReasons=[]), needs=BOTH)[0]) == {"t": ["project"], "u": ["project"]}
    assert gaps(read(earlier(), needs=BOTH)[0]) == {"t": both, "u": both}
    own = {"source": {"kind": "api", "teams": []}, "records": [], "count": 0, "incompleteReasons": []}
    assert gaps(read(earlier(**own), needs=BOTH)[0]) == {None: ["project"]}


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "soon", 7, None]
)
def test_a_snapshot_of_no_usable_time_is_refused(time):
    for change in ({"takenAt": time}, {"source": {"kind": "api", "takenAt": time}}):
        with pytest.raises(StartError, match="not a whole snapshot"):
            source(snapshot() | change)


def test_inputs_of_one_account_are_put_together_and_contradictions_are_not_known():
    p, q = (saved(Account(team=None, projects=[each])) for each in "pq")
    refused = saved(Account(team=None, unknown={"project": "HTTP 403"}))

    def account(*files):
        return read(*files, needs=BOTH)[0].accounts[None]

    for files in ((CLI, p), (p, CLI), (p, p), (refused, p), (p, refused)):
        assert account(*files) == Account(team=None, projects=["p"])
    for files in ((p, q), (p, q, q), (p, q, p)):
        assert account(*files).unknown == {"project": DIFFERENT}
    assert account(refused, CLI).unknown == {"project": "HTTP 403"}
    unknown = {"registry-credential": "page 2"}
    gap = saved(Account(team=None, projects=["p"], unknown=unknown), problems=["page 2"])
    for files in ((gap, p), (p, gap), (gap, CLI), (CLI, gap)):
        assert account(*files) == Account(team=None, projects=["p"], unknown=unknown)


def test_where_inputs_differ_on_the_projects_no_list_of_them_is_known_as_a_whole():
    addons = needing("addon", "project")
    p = saved(Account(team=None, projects=["p"]), needs=addons)
    both = saved(Account(team=None, projects=["p", "q"]), needs=needing("volume", "project"))
    for files in ((p, both), (both, p)):
        found, _ = read(*files, needs=addons)
        assert gaps(found) == {None: ["addon", "project"]}
        assert [(gap.type, gap.shortfall) for gap in found.gaps] == [
            ("project", DIFFERENT),
            ("addon", f"the projects are unknown ({DIFFERENT})"),
        ]
    found, _ = read(p, saved(Account(team=None, projects=["p"]), needs=needing("volume", "project")), needs=addons)
    assert (gaps(found), found.gaps) == ({None: []}, [])


def test_coverage_says_what_the_resources_of_a_snapshot_lack():
    lacking = msgspec.structs.replace(resource(id="b", detailed=False, credentials={}), shortfall="HTTP 403")
    given = saved(Account(team=None), needs=CREDENTIALS, records=[resource(id="a"), lacking])
    (kind,) = read(given)[0].coverage().types
    assert (kind.complete, kind.missing) == (False, ["HTTP 403"])
    (kind,) = read(saved(problems=["no list of teams"], needs=CREDENTIALS))[0].coverage().types
    assert (kind.complete, kind.missing) == (False, ["no list of teams"])


# -- Answers of other types --------------------------------------------------------------------------------------------
def answers(*files, needs, team=None):
    given = [InputFile(f"f{n}.json", json.dumps(value).encode(), *more) for n, (value, *more) in enumerate(files)]
    found = InputSource(given, team)
    return found, [item for page in found.pages(needs) for item in page]


ADDONS = {"data": {"addons": [{"id": "a", "name": "A"}]}, "pagination": {"hasNextPage": False, "count": 1}}
LISTED = {"projects": [{"id": "p"}, {"id": "q"}]}


def test_an_answer_of_another_type_is_read_by_what_the_catalogue_says():
    found, items = answers(({"data": {"domains": [{"name": "d.example", "token": "SECRET"}]}, "pagination": {"hasNextPage": False}}, "domain"),
                           ({"data": [{"id": "v", "name": "V"}], "pagination": {"hasNextPage": False}}, "volume", "p"),
                           ([{"id": "w"}], "volume", "q"),
                           (ADDONS, "addon", "p"), (LISTED, "project"),
                           needs=needing("domain", "volume", "addon", "project"), team="t")  # fmt: skip
    assert {(each.type, each.team, each.project, each.id, each.name) for each in items} == {
        ("domain", "t", None, "d.example", "d.example"), ("volume", "t", "p", "v", "V"), ("volume", "t", "q", "w", None),
        ("addon", "t", "p", "a", "A"), ("project", "t", None, "p", None), ("project", "t", None, "q", None),
    }  # fmt: skip
    assert {each.type: each.shortfall for each in items} == {
        "domain": NO_DETAILS, "volume": None, "addon": NO_DETAILS, "project": NO_DETAILS
    }  # fmt: skip
    assert found.problems == []
    assert [(gap.type, gap.project) for gap in found.gaps] == [("addon", "q")]
    assert gaps(found) == {"t": ["addon"]}
    assert "SECRET" not in str(items)


def test_of_projects_that_are_not_known_the_lists_are_not_known_as_a_whole():
    found, _ = answers((ADDONS, "addon", "p"), needs=needing("addon", "project"))
    assert gaps(found) == {None: ["addon", "project"]}
    assert [(gap.type, gap.project) for gap in found.gaps] == [("project", None), ("addon", None)]
    assert found.gaps[1].shortfall == f"the projects are unknown ({NOT_HELD})"


@pytest.mark.parametrize(
    ("value", "kind", "problem"),
    [
        (CLI, "addon", "f0.json: expects an answer of the list of addons"),
        ({"data": {"volumes": []}}, "volume", "expects an answer of the list of volumes"),
        (7, "volume", "expects an answer"),
        ({"kind": "northflank-audit-snapshot"}, "addon", "a snapshot names its types; omit addon="),
        ({**ADDONS, "error": {"status": 500}}, "addon", "an error answer of the API"),
    ],
)
def test_what_is_no_answer_of_the_type_is_refused(value, kind, problem):
    with pytest.raises(StartError, match=problem):
        answers((value, kind, "p"), needs=needing(kind))


def test_a_record_that_is_nested_too_deeply_takes_nothing_from_the_others():
    deep = {"id": "deep"}
    for _ in range(600):
        deep = {"id": "deep", "inner": deep}
    made = source({"credentials": [deep, {"id": "sound"}]})
    assert [each.id for page in made.pages(CREDENTIALS) for each in page] == ["sound"]
    assert made.problems == ["f0.json: the registry credential 'deep' is nested too deeply to be evaluated"]


# -- Answers of every type ---------------------------------------------------------------------------------------------
SAMPLE = load(None, NOW)
LISTED_TYPES = [kind for kind in TYPES.values() if kind.listing and kind.within is None]


@pytest.fixture(scope="module")
def asked():
    """Ask the emulator for what the sample account has, as a person would with curl: `asked(path)` gives the bytes."""
    with ExitStack() as servers:
        urls = {}

        def ask(kind, path):
            owner = "org" if kind.scope is Scope.ORGANISATION else "team"
            if owner not in urls:
                accounts = dataclasses.replace(SAMPLE, auth={**SAMPLE.auth, "entityType": owner})
                urls[owner] = servers.enter_context(Emulator(accounts, token="t")).url
            headers = {"Authorization": "Bearer t"}
            return requests.get(f"{urls[owner]}{path}", {"per_page": 100}, headers=headers, timeout=NET).content

        yield ask


@pytest.mark.parametrize("kind", LISTED_TYPES, ids=lambda kind: kind.name)
@pytest.mark.parametrize("form", ["api", "cli"])
def test_what_the_api_answers_for_a_types_list_can_be_audited_as_a_file(asked, tmp_path, kind, form):
    """`TYPE[@PROJECT]=FILE`, with the whole answer, or with what is below its `data`, as the CLI prints it."""
    team = SAMPLE.auth["entityId"] if kind.scope is Scope.TEAM else None
    base = "/v1" if team is None else f"/v1/teams/{team}"
    of_project = kind.scope is Scope.PROJECT
    expected = [each for each in resources(None, SAMPLE) if each.type == kind.name]
    projects = {each.project for each in expected}
    given = []
    for project in projects:
        content = asked(kind, base + kind.listing.path.replace("{project}", str(project)))
        if form == "cli":
            content = json.dumps(json.loads(content)["data"]).encode()
        path = tmp_path / f"{project}.json"
        path.write_bytes(content)
        given.append(input_file(f"{kind.name}@{project}={path}" if of_project else f"{kind.name}={path}"))
    found = InputSource(given, team)
    items = [each for page in found.pages(needing(kind.name)) for each in page]
    for each in given:
        each.close()
    assert found.problems == []
    assert {(each.type, each.team, each.project, each.id) for each in items} == {
        (kind.name, team, each.project, each.id) for each in expected
    }
    assert items
    no_secret = SnapshotWriter()
    no_secret.add(items)
    assert "not-a-real-secret" not in b"".join(no_secret.text(Tool("t", "1"), NOW, found)).decode()


EXTERNAL = {"externalAddons": [{"name": "a"}], "pagination": {"page": 1, "perPage": 100, "total": 1}}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"data": {"data": EXTERNAL}, "pagination": {"hasNextPage": False, "count": 1}}, ""),
        ({"data": EXTERNAL}, ""),
        ({"data": {"data": EXTERNAL}, "pagination": {"hasNextPage": True}}, "there is a next page"),
        ({"data": {"data": EXTERNAL}}, "does not say whether there is a next page"),
        (
            {"data": {**EXTERNAL, "pagination": {"page": 1, "perPage": 1, "total": 2}}},
            "its two 'pagination' disagree on whether there is a next page",
        ),
        (
            {"data": {**EXTERNAL, "pagination": {"page": 1, "perPage": 9, "total": 2}}},
            "means that this page has 2 items",
        ),
        ({"data": {**EXTERNAL, "pagination": {}}}, "its second 'pagination' lacks the page's number"),
    ],
)
def test_a_second_pagination_is_held_against_the_first(value, problem):
    found, items = answers((value, "external-addon", "p"), needs=needing("external-addon"))
    assert [each.id for each in items] == ["a"]
    assert [each for each in found.problems if problem not in each] == []
    assert bool(found.problems) is bool(problem)


@pytest.mark.parametrize(
    "value",
    [{"data": {"data": EXTERNAL, "externalAddons": []}}, {"data": {"data": {}}}, {"data": [{"name": "a"}]}, EXTERNAL],
)
def test_an_external_addons_answer_of_no_known_form_is_refused(value):
    with pytest.raises(StartError, match="f0.json: (it|expects)"):
        answers((value, "external-addon", "p"), needs=needing("external-addon"))


@pytest.mark.parametrize("kind", [kind for kind in TYPES.values() if kind.within], ids=lambda kind: kind.name)
def test_a_file_of_a_child_type_is_refused_since_it_does_not_say_whose_they_are(tmp_path, kind):
    (tmp_path / "f.json").write_text("[]")
    with pytest.raises(StartError, match=f"{kind.plural} are parts of {kind.within.parent.plural}"):
        input_file(f"{kind.name}={tmp_path / 'f.json'}")
