"""What becomes of a credential whose list and details differ, or that is gone."""

import datetime as dt
import threading
import time

import pytest

from northflank_audit.audit.evaluation import evaluate
from northflank_audit.deadline import Deadline
from northflank_audit.errors import Refused
from northflank_audit.northflank.budget import Budget
from northflank_audit.policy.engine import Engine
from northflank_audit.report import Origin
from northflank_audit.resources import TYPES
from northflank_audit.sources.api import NOT_READ, ApiSource
from tests.conftest import CREDENTIALS, NET, needing, rule

NOW_TIME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LIST = "/v1/integrations/registries"
NOW = {"id": "a", "name": "now"}
THEN = {"id": "a", "name": "then"}
OTHER = {"id": "b"}
STORED = {"credentials": {"stored": False}}
DETAILS = {("registry-credential", None, None, "a"): frozenset({"detail"})}
NOT_FOUND = Refused("HTTP 404", 404)


def page(*items):
    return {"data": {"credentials": list(items)}, "pagination": {"hasNextPage": False, "count": len(items)}}


def detail(record):
    return {"data": record}


class Api:
    """A client whose answers are given, by path; the last of each comes again and again."""

    def __init__(self, answers):
        self.answers = {path: list(each) for path, each in answers.items()}
        self.asked = []
        self.deadline = Deadline(NET)
        self.budget = Budget(self.deadline, time.sleep)
        self.retries = 0

    def get(self, path, query, **_):
        self.asked.append(path.removeprefix(LIST))
        answers = self.answers[path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def completed(lists, details):
    api = Api({LIST: lists, f"{LIST}/a": details})
    source = ApiSource(api, Origin(kind="api"), [], page_size=100, details=True)
    wanted = [each for some in source.pages(CREDENTIALS) for each in some if each.id == "a"]
    found = [each for some in source.complete(wanted, DETAILS) for each in some]
    return source, found, api.asked[1:]


def test_what_agrees_when_the_list_is_read_again_counts():
    source, (found,), asked = completed([page(THEN, OTHER), page(NOW, OTHER)], [detail(NOW)])
    assert (found.record, found.name, found.detailed, found.shortfall) == ({**NOW, **STORED}, "now", True, None)
    assert (source.problems, source.warnings, asked) == ([], [], ["/a", ""])


def test_what_was_joined_before_stays_when_the_list_is_read_again():
    path = "/v1/projects/p/addons"
    schedules = {"data": {"schedules": [{"id": "daily", "retentionTime": 30}]}}
    lists = [{**page(), "data": {"addons": [each]}, "pagination": {"hasNextPage": False}} for each in (THEN, NOW)]
    api = Api({
        "/v1/projects": [{"data": {"projects": [{"id": "p"}]}, "pagination": {"hasNextPage": False}}],
        path: lists, f"{path}/a": [detail(NOW)], f"{path}/a/backup-schedules": [schedules],
    })  # fmt: skip
    source = ApiSource(api, Origin(kind="api"), [], page_size=100, details=True)
    found = [each for some in source.pages(needing("project", "addon")) for each in some if each.type == "addon"]
    for part in ("backupSchedules", "detail"):
        wanted = {each.identity: frozenset({part}) for each in found}
        found = [each for some in source.complete(found, wanted) for each in some]
    assert found[0].parts == {"list", "detail", "backupSchedules"}
    assert found[0].record == {**NOW, "backupSchedules": [{"id": "daily", "retentionTime": 30}]}


def test_coverage_says_that_details_or_teams_were_not_read():
    source = ApiSource(Api({LIST: [page({"id": "a"})]}), Origin(kind="api"), [], page_size=100, details=False)
    list(source.pages(CREDENTIALS))
    (kind,) = source.coverage().types
    assert (kind.complete, kind.missing) == (False, [NOT_READ])
    source = ApiSource(
        Api({"/v1/teams": [Refused("HTTP 403", 403)]}), Origin(kind="api"), None, page_size=9, details=True
    )
    list(source.pages(CREDENTIALS))
    (kind,) = source.coverage().types
    assert (kind.complete, kind.missing) == (False, ["HTTP 403"])


def test_what_still_differs_is_not_known_and_makes_the_audit_incomplete():
    more = {**NOW, "provider": "ecr"}
    source, (found,), _ = completed([page(THEN)], [detail(more)])
    problem = "details of 'a': its list and its details contradict each other (name)"
    assert (found.record, found.detailed, found.shortfall) == ({"id": "a", "provider": "ecr", **STORED}, False, problem)
    assert source.problems == [problem]


@pytest.mark.parametrize("lists", [[page(THEN), page()], [page(THEN, OTHER), page(OTHER)]])
@pytest.mark.parametrize("details", [[NOT_FOUND], [detail(NOW), NOT_FOUND]])
def test_what_is_gone_is_dropped_with_a_warning(lists, details):
    source, found, _ = completed(lists, details)
    assert (found, source.problems) == ([], [])
    assert source.warnings == ["details of 'a': deleted after it was listed, so not evaluated"]


def test_what_its_page_lacks_and_the_api_still_has_is_not_gone():
    """The pages shift when an earlier credential goes, so that it may be on another one now."""
    source, (found,), asked = completed([page(THEN), page(OTHER)], [detail(NOW)])
    assert (found.record, len(source.problems), source.warnings) == ({"id": "a", **STORED}, 1, [])
    assert asked == ["/a", "", "/a"]


@pytest.mark.parametrize(
    "again", [page(THEN), Refused("HTTP 403", 403), {"data": {"credentials": []}, "pagination": {"hasNextPage": False, "count": 1}}]
)  # fmt: skip
def test_what_is_not_found_and_not_seen_to_be_gone_is_not_known(again):
    source, (found,), _ = completed([page(THEN), again], [NOT_FOUND])
    assert (found.record, found.detailed, found.shortfall) == (THEN, False, "HTTP 404")
    assert source.warnings == []


def test_what_is_gone_does_not_count_for_rules_about_its_account():
    api = Api({LIST: [page(THEN, OTHER), page(OTHER)], f"{LIST}/a": [NOT_FOUND]})
    source = ApiSource(api, Origin(kind="api"), [], page_size=100, details=True)
    alone = rule(resource="account", require="size(resources) == 1")
    (found,) = evaluate(
        Engine([alone, rule(id="y", require="credential.provider == 'ecr' || credential.id == 'b'")], NOW_TIME),
        source,
        "auto",
    )
    assert [each.id for each in found.resources] == ["b"]
    assert {str(each.status) for each in found.verdicts} == {"pass"}


def test_lists_of_accounts_are_asked_for_side_by_side():
    kinds = ["registry-credential", "api-token", "domain", "load-balancer"]
    together = threading.Barrier(len(kinds), timeout=NET)

    class Waiting(Api):
        def get(self, path, query, **more):
            together.wait()
            return super().get(path, query, **more)

    def empty(kind):
        return {"data": {kind.listing.keys[0]: [{kind.id: "a"}]}, "pagination": {"hasNextPage": False}}

    api = Waiting({f"/v1{TYPES[name].listing.path}": [empty(TYPES[name])] for name in kinds})
    source = ApiSource(api, Origin(kind="api"), [], page_size=100, details=False)
    found = [each.type for page in source.pages(needing(*kinds)) for each in page]
    assert (found, source.problems) == ([name for name in TYPES if name in kinds], [])
