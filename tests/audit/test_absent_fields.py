"""Documented fields that rules read and no record had."""

import datetime as dt
import json

import pytest

from northflank_audit.audit.absent_fields import AbsentFields
from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.model import Resource
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_book import WaiverBook
from northflank_audit.policy.rules.rulebook import load
from tests.conftest import resource

RULE = {"id": "r", "title": "t", "severity": "low"}


def silent(kind, records, *expressions, parts=("list",)):
    entries = [
        {"id": f"r{n}", "title": "t", "severity": "low", "require": each, "resource": kind}
        for n, each in enumerate(expressions)
    ]
    rules = load([("rules", json.dumps({"rules": entries}))])
    fields = AbsentFields(rules)
    fields.add(
        Resource(type=kind, id=str(n), name=None, team=None, project="p", record=record, parts=frozenset(parts))
        for n, record in enumerate(records)
    )
    return fields.of(kind)


def test_a_field_that_one_record_has_is_not_silent():
    assert silent("registry-credential", [{"id": "a"}, {"provider": "ecr"}], "credential.provider == ''") == []
    assert silent("registry-credential", [{"id": "a"}, {"id": "b"}], "credential.provider == ''") == ["provider"]


def test_only_what_rules_read_and_the_catalogue_documents_is_told():
    found = silent("registry-credential", [{"id": "a"}], "has(credential.aws.region) || credential.new == 1")
    assert found == ["aws.region"]


def test_a_field_of_a_part_that_was_not_read_is_missing_and_not_silent():
    reads = "addon.spec.config.networking.externalAccessEnabled"
    path = "spec.config.networking.externalAccessEnabled"
    assert silent("addon", [{"id": "a"}], reads) == []
    assert silent("addon", [{"id": "a"}], reads, parts=("list", "detail")) == [path]


@pytest.mark.parametrize(("ports", "paths"), [([], []), ([{"public": True}], []), ([{}], ["ports[].public"])])
def test_an_empty_list_is_not_silent_about_its_items(ports, paths):
    record = {"id": "a", "ports": ports}
    found = silent("service", [record], "!service.ports.exists(p, p.public)", parts=("list", "detail"))
    assert found == paths


def test_no_record_no_silence():
    assert silent("registry-credential", [], "credential.provider == ''") == []


def test_the_report_names_them_and_what_decides_on_them(audit, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [{"id": "a", "name": "A", "restrictions": {}}]}))
    only = "registry-credential-unrestricted"
    done = audit("--input", "i.json", "--rule", only, "--format", "json")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert done.code == 3
    (coverage,) = report["coverage"]["types"]
    assert coverage["silent"] == ["restrictions.restricted"]


def test_the_reason_names_the_option_that_decides():
    rules = load([("rules", json.dumps({"rules": [{**RULE, "require": "credential.restrictions.restricted"}]}))])
    engine = Engine(rules, dt.datetime.now(dt.UTC))
    totals = VerdictTotals(engine, WaiverBook([], dt.date(2026, 1, 1)))
    totals.add(engine.evaluate([resource(detailed=True)]))
    (reason,) = totals.inconclusive()
    assert reason.endswith("is not known (the API did not give it); --absent says what an absent field means")
