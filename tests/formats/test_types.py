"""Reports on any types of resources: called as the catalogue calls them, told apart by project, counted by type."""

import csv
import html
import io
import json
from functools import partial

import click
import pytest
from msgspec.structs import replace

from northflank_audit.cli.summary import lines
from northflank_audit.delivery import notify
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.brief import brief
from northflank_audit.formats.headline import headline
from northflank_audit.formats.text import full_label, kinds, label
from northflank_audit.formats.view import product
from northflank_audit.inconclusive import causes
from northflank_audit.model import ResourceName, Status, fingerprint
from northflank_audit.report import TypeCoverage
from tests.formats.conftest import result
from tests.unpacked import rendered

DB = ResourceName("addon", "db", "Database", "payments", "shop")
SITE = ResourceName("domain", "shop.example", "shop.example", "payments")
UNREAD = ResourceName("addon", None, None, "payments", "web")


@pytest.fixture
def mixed(report):
    """A report on addons and domains: a violation of each, and a project whose addons could not be read."""
    counts = dict.fromkeys(("pass", "fail", "unknown", "error", "notapplicable", "waived"), 0)
    addon = replace(
        report.rules[1], id="public", resource="addon", counts=counts | {"fail": 1, "unknown": 1, "pass": 2}
    )
    domain = replace(report.rules[1], id="tls", resource="domain", counts=counts | {"fail": 1})
    results = [
        replace(result(rule, "x", message=f"{name.id} is public"), resource=name,
                fingerprint=fingerprint(rule, name.identity))
        for rule, name in (("public", DB), ("tls", SITE))
    ]  # fmt: skip
    why = "the addons of project web: HTTP 403"
    results.append(replace(results[0], resource=UNREAD, status=Status.UNKNOWN, message=why, evidence={}, reason=why,
                           fingerprint=fingerprint("public", UNREAD.identity)))  # fmt: skip
    types = [
        TypeCoverage(type="addon", resources=3, details=2, complete=False, missing=[why], silent=["backupSchedules"]),
        TypeCoverage(type="domain", resources=1),
    ]
    return replace(
        report,
        rules=[addon, domain],
        results=results,
        coverage=replace(report.coverage, resources=4, results=5, types=types),
        summary=replace(report.summary, passed=2, fail=2, unknown=1, notapplicable=0, waived=0,
                        fail_by_severity={**report.summary.fail_by_severity, "high": 2}),
        compliance=[],
    )  # fmt: skip


WRITTEN = {
    "terminal": lambda report: click.unstyle("\n".join(lines(report, [], verbose=True))),
    "mail": lambda report: mailbody.text(report, "kept"),
    "mail as HTML": lambda report: mailbody.html(report, "kept"),
    "step summary": brief,
    **{name: partial(rendered, form) for name, form in FORMATS.items() if name != "attestation"},
}

NAMING = {"chat": lambda report: notify.body(report, [])} | {
    name: written for name, written in WRITTEN.items() if name not in ("json", "jsonl")
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_nothing_is_called_a_credential_that_is_none(mixed, written):
    said = written(mixed)
    assert "credential" not in said.partition("</style>")[2 if "</style>" in said else 0].lower()


@pytest.mark.parametrize("written", NAMING.values(), ids=NAMING)
def test_resources_and_accounts_are_named_alike_in_every_format(mixed, written):
    """JSON, JSON Lines and the attestation have team, project and id alone."""
    accounts = [ResourceName("account", team or "account", None, team) for team in (None, "payments")]
    results = [
        replace(mixed.results[1], resource=name, message="m", fingerprint=name.id)
        for name in (replace(DB, name=None), *accounts)
    ]
    said = " ".join(html.unescape(written(replace(mixed, results=results))).split())
    for name in ("payments/shop/db", "the token's own account", "team payments"):
        assert name in said or name.capitalize() in said


def test_the_list_that_could_not_be_read_is_named(mixed):
    assert label(UNREAD) == "all addons of project web of team payments"
    (cause,) = causes(mixed.results, mixed.rules)
    assert cause.text.startswith("rule public is unknown for all addons of project web of team payments: ")
    assert full_label(UNREAD) == label(UNREAD)
    assert full_label(DB) == "addon payments/shop/db"
    for name in ("html", "md", "junit", "gitlab", "csv"):
        assert "None" not in WRITTEN[name](mixed)


def test_the_headline_and_the_sum_count_by_type(mixed):
    assert headline(mixed) == "2 violations on 1 of 3 addons and on 1 of 1 domain"
    assert product(mixed) == ("3 addons × 1 rule + 1 domain × 1 rule + 1 unread list of addons × 1 rule = 5 verdicts")


def test_of_many_types_there_is_the_number(mixed):
    kinds_ = ("addon", "domain", "service", "volume")
    rules = [replace(mixed.rules[0], id=kind, resource=kind) for kind in kinds_]
    types = [TypeCoverage(type=kind, resources=2) for kind in kinds_]
    many = replace(mixed, rules=rules, results=[replace(each, rule_id="addon") for each in mixed.results],
                   coverage=replace(mixed.coverage, types=types))  # fmt: skip
    assert headline(many) == "2 violations on 2 of 8 resources of 4 types"
    assert product(many) == "(8 resources of 4 types + 1 unread list) × the rules about each type ≠ 5 verdicts"
    read = replace(many, results=many.results[:2], coverage=replace(many.coverage, results=8))
    assert (
        product(read)
        == "2 addons × 1 rule + 2 domains × 1 rule + 2 services × 1 rule + 2 volumes × 1 rule = 8 verdicts"
    )
    results = [replace(mixed.results[0], resource=replace(DB, type=kind)) for kind in kinds_]
    assert kinds(results, " or ") == "resource"


@pytest.mark.parametrize("name", ["terminal", "html", "md", "json"])
def test_coverage_says_of_each_type_what_is_missing_and_what_no_record_had(mixed, name):
    said = WRITTEN[name](mixed)
    assert "HTTP 403" in said
    assert "backupSchedules" in said


def test_programs_read_the_type_and_the_project(mixed):
    types = json.loads(FORMATS["json"].render(mixed))["coverage"]["types"]
    assert types[1] == {
        "type": "domain", "resources": 1, "details": 0, "requests": 0, "complete": True, "missing": [],
        "inScope": True, "scope": "", "silent": [],
    }  # fmt: skip
    (event, *_) = json.loads(FORMATS["ocsf"].render(mixed))
    assert event["resources"][0]["type"] == "addon"
    assert event["resources"][0]["namespace"] == "shop"
    log = json.loads(FORMATS["sarif"].render(mixed))["runs"][0]["results"][0]
    (location,) = log["locations"][0]["logicalLocations"]
    assert location["fullyQualifiedName"] == "payments/shop/addon/db"
    assert (log["properties"]["type"], log["properties"]["project"]) == ("addon", "shop")
    assert '<testcase name="payments/shop/db" classname="addon.public"' in FORMATS["junit"].render(mixed)
    row = next(csv.DictReader(io.StringIO(FORMATS["csv"].render(mixed), newline="")))
    assert (row["resource_type"], row["team"], row["project"], row["resource_id"]) == (
        "addon",
        "payments",
        "shop",
        "db",
    )
    (issue, *_) = json.loads(FORMATS["gitlab"].render(mixed))
    assert issue["description"].startswith("addon payments/shop/db: ")
