"""Parts that are asked for by the names that another part gives, and those whose answers go into a field."""

import pytest

from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.sources.api import ApiSource
from tests.conftest import NET, needing

TOKEN = Token("nf-named-token", "the test")
DOMAIN = {
    "name": "example.com",
    "status": "verified",
    "subdomains": [{"name": "b", "fullName": "b.example.com"}, {"name": "*", "fullName": "*.example.com"}],
    "subdomainDetails": [{"name": "*", "verified": True}, {"name": "b", "verified": False}],
    "paths": [
        {"subdomain": "b", "uri": "/1", "mode": "exact"},
        {"subdomain": "*", "uri": "/2", "mode": "prefix"},
        {"subdomain": "b", "uri": "/3", "mode": "prefix"},
    ],
}
PATH = "/v1/domains/example.com"
NAMED = ["/subdomains/b", "/subdomains/%2A"]


def read(kind, parts, account, *faults):
    """Return the source, the resources with these parts, and the paths that were asked after their list's."""
    with (
        Emulator(EmulatedAccounts(account), Plan(faults=list(faults), rate_limit=100_000), token=TOKEN.value) as server,
        Client(server.url, TOKEN, max_attempts=1, deadline=Deadline(NET), direct=True) as client,
    ):
        source = ApiSource(client, Origin(kind="api"), [], page_size=100, details=True)
        found = [each for page in source.pages(needing(kind, "project")) for each in page if each.type == kind]
        count = len(server.requests)
        wanted = {each.identity: frozenset(parts) for each in found}
        whole = [each for some in source.complete(found, wanted) for each in some]
    return source, whole, [each.path for each in server.requests[count:]]


def domains(*items):
    return EmulatedAccount([], lists={"domains": list(items)})


def test_each_name_is_asked_for_once_in_their_order_after_the_part_that_gives_them():
    source, (found,), asked = read("domain", ["paths", "subdomainDetails"], domains(DOMAIN))
    assert asked == [
        PATH,
        *(f"{PATH}{each}" for each in NAMED),
        *(f"{PATH}{each}/paths" for each in NAMED),
    ]
    assert found.parts == {"list", "detail", "subdomainDetails", "paths"}
    assert found.record["subdomainDetails"] == [{"name": "b", "verified": False}, {"name": "*", "verified": True}]
    assert [(each["subdomain"], each["uri"]) for each in found.record["paths"]] == [
        ("b", "/1"),
        ("b", "/3"),
        ("*", "/2"),
    ]
    assert (source.problems, source.warnings, found.shortfall) == ([], [], None)
    assert source.coverage().details == 5


def test_a_name_that_comes_twice_is_asked_for_once():
    twice = DOMAIN | {"subdomains": [*DOMAIN["subdomains"], {"name": "b"}]}
    _, (found,), asked = read("domain", ["paths"], domains(twice))
    assert asked == [PATH, *(f"{PATH}{each}/paths" for each in NAMED)]
    assert len(found.record["paths"]) == 3


def test_without_names_nothing_is_asked_and_the_list_is_empty():
    _, (found,), asked = read("domain", ["paths"], domains(DOMAIN | {"subdomains": []}))
    assert (asked, found.record["paths"], "paths" in found.parts) == ([PATH], [], True)


@pytest.mark.parametrize("subdomains", [None, "b", [{"name": "b"}, {}], [{"name": ""}], ["b"], [{"name": ["b"]}]])
def test_names_that_are_not_there_make_the_part_unknown(subdomains):
    _, (found,), asked = read("domain", ["paths"], domains(DOMAIN | {"subdomains": subdomains}))
    assert asked == [PATH]
    assert found.parts == {"list", "detail"}
    assert found.shortfall == "paths of 'example.com': 'subdomains[].name' lacks the name to request"


def test_a_part_is_not_asked_for_where_the_part_that_gives_its_names_fails():
    _, (found,), asked = read("domain", ["paths"], domains(DOMAIN), Fault(path=PATH, status=403))
    assert asked == [PATH]
    assert found.parts == {"list"}
    assert "paths" not in found.record
    assert "Account > Networking > Domains > Read" in found.shortfall
    assert found.shortfall.endswith("paths of 'example.com': not requested, because the details were not read")


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"status": 403}, "Account > Networking > SubdomainPaths > Read"),
        ({"status": 404}, "HTTP 404"),
        ({"patch": {"data": {"paths": None}}}, "the answer has no list 'data.paths'"),
        ({"patch": {"pagination": {"count": 9}}}, "it says that it has 9 items, and has 1"),
    ],
)
def test_a_part_is_not_read_where_one_of_its_answers_fails_and_the_other_parts_are(fault, problem):
    failing = Fault(path=f"{PATH}/subdomains/%2A/paths", **fault)
    _, (found,), asked = read("domain", ["subdomainDetails", "paths"], domains(DOMAIN), failing)
    assert len([each for each in asked if each.startswith(f"{PATH}/")]) == 4
    assert found.parts == {"list", "detail", "subdomainDetails"}
    assert "paths" not in found.record
    assert "paths of '*' in 'example.com'" in found.shortfall
    assert problem in found.shortfall


def test_an_answer_about_another_name_is_none():
    failing = Fault(path=f"{PATH}/subdomains/b", patch={"data": {"name": "c"}})
    _, (found,), _ = read("domain", ["subdomainDetails"], domains(DOMAIN), failing)
    assert found.parts == {"list", "detail"}
    assert found.shortfall == "subdomain details of 'b' in 'example.com': the answer is about another resource"


JOB = {
    "id": "j",
    "name": "J",
    "deployment": {"region": "eu", "docker": {"customCommand": "run planted-Zq7!x9Lm2"}},
    "deploymentDetails": {
        "region": "eu",
        "docker": {"customCommand": "run planted-Zq7!x9Lm2"},
        "external": {"imagePath": "shop/j:1", "privateImage": True},
    },
}


@pytest.mark.parametrize("parts", [["detail", "deployment"], ["deployment"]])
def test_an_answer_goes_into_its_field_beside_what_the_detail_says_of_it(parts):
    account = EmulatedAccount([], [{"id": "p", "name": "P", "jobs": [JOB]}])
    _, (found,), asked = read("job", parts, account)
    region = {"region": "eu"} if "detail" in parts else {}
    external = {"imagePath": "shop/j:1", "privateImage": True}
    assert found.record["deployment"] == region | {"external": external}
    assert len(asked) == len(parts)
    assert found.parts == {"list", *parts}


def test_a_part_in_a_field_stays_when_the_list_is_read_again():
    """The detail comes after it, and names the resource as nobody else does."""
    account = EmulatedAccount([], [{"id": "p", "name": "P", "jobs": [JOB]}])
    with (
        Emulator(
            EmulatedAccounts(account),
            Plan(
                faults=[
                    Fault(path="/v1/projects/p/jobs", nth=1, patch={"data": {"jobs": [{"id": "j", "name": "old"}]}})
                ]
            ),
            token=TOKEN.value,
        ) as server,
        Client(server.url, TOKEN, max_attempts=1, deadline=Deadline(NET), direct=True) as client,
    ):
        source = ApiSource(client, Origin(kind="api"), [], page_size=100, details=True)
        found = [each for page in source.pages(needing("job", "project")) for each in page if each.type == "job"]
        for part in ("deployment", "detail"):
            wanted = {each.identity: frozenset({part}) for each in found}
            found = [each for some in source.complete(found, wanted) for each in some]
    (job,) = found
    assert (job.record["name"], job.shortfall) == ("J", None)
    assert job.record["deployment"]["external"]["imagePath"] == "shop/j:1"


@pytest.mark.parametrize(("answer", "whole"), [({}, True), ({"id": "other"}, False), ({"name": "Other"}, False)])
def test_a_detail_without_an_id_is_taken_by_what_else_it_says(answer, whole):
    account = EmulatedAccount([], [{"id": "p", "name": "P", "pipelines": [{"id": "x", "name": "X", "nfObjects": []}]}])
    fault = Fault(path="/v1/projects/p/pipelines/x", patch={"data": answer})
    _, (found,), _ = read("pipeline", ["detail"], account, fault)
    assert ("detail" in found.parts) is whole
    assert (found.shortfall is None) is whole
