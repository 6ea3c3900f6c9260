"""A resource type that nobody has heard of: one declaration, one sample and one rule, and nothing else to edit."""

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.emulator import Emulator, load
from northflank_audit.formats import FORMATS
from northflank_audit.resources import TYPES
from northflank_audit.resources.base import DETAIL, LIST, Part, Permission, ResourceType, Scope
from northflank_audit.resources.fields import boolean, text, words
from tests.conftest import LATER, ROOT
from tests.unpacked import unpacked

SECRET = "planted-in-a-widget-8f3k"
WIDGET = ResourceType(
    name="widget",
    family="widgets",
    singular="widget",
    plural="widgets",
    scope=Scope.PROJECT,
    variable="widget",
    collection="widgets",
    listing=Part(
        name=LIST,
        path="/projects/{project}/widgets",
        keys=("widgets",),
        permission=Permission("Project > Widgets > Read", "Project > Old Widgets > Read"),
        fields=(text("id"), words("name")),
        secrets=("key",),
    ),
    parts=(
        Part(
            name=DETAIL,
            path="/projects/{project}/widgets/{id}",
            permission=Permission("Project > Widgets > Read"),
            fields=(text("id"), words("name"), boolean("frobnicated"), text("colour", "red", "blue")),
            secrets=("key",),
        ),
    ),
)
ACCOUNT = {
    "credentials": [],
    "endpoints": [
        {
            "from": "projects.widgets",
            "path": "projects/{project}/widgets",
            "key": "widgets",
            "listed": ["id", "name", "key"],
            "detail": True,
            "permission": "Project > Widgets > Read",
        }
    ],
    "projects": [
        {
            "id": "shop",
            "name": "Shop",
            "widgets": [
                {"id": "w1", "name": f"One {SECRET}", "key": SECRET, "frobnicated": True, "colour": "red"},
                {"id": "w2", "name": "Two", "key": SECRET, "frobnicated": False, "colour": "blue"},
            ],
        },
        {"id": "lab", "name": "Lab", "widgets": [{"id": "w2", "name": "Two too", "key": SECRET, "colour": "red"}]},
    ],
}
RULE = """
rules:
  - id: widget-frobnicated
    title: Widgets are frobnicated
    finding: Widget that nobody frobnicated
    severity: high
    resource: widget
    require: widget.frobnicated
    message: "The widget '{name}' ({colour}) is not frobnicated"
    tests:
      - {name: it is, given: {id: a, name: A, frobnicated: true}, expect: pass}
      - {name: it is not, given: {id: a, name: A, colour: red, frobnicated: false}, expect: fail,
         message: "The widget 'A' (red) is not frobnicated"}
      - {name: unknown, given: {id: a, name: A}, expect: unknown}
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setitem(TYPES, "widget", WIDGET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "widgets.yaml").write_text(RULE)
    (tmp_path / "account.json").write_text(json.dumps(ACCOUNT))

    def invoke(*arguments, code=0):
        done = CliRunner().invoke(cli, [*arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert done.exit_code == code, done.output
        return done.output

    return invoke


@pytest.fixture
def emulator(run, monkeypatch):
    with Emulator(load("account.json")) as served:
        monkeypatch.setenv("NORTHFLANK_API_TOKEN", served.token)
        yield served


def test_it_is_audited_redacted_and_reported_in_every_format(run, emulator, tmp_path):
    formats = ",".join(name for name in FORMATS)
    run("run", "--api-url", emulator.url, "--rules", "widgets.yaml", "--format", formats, "--save-snapshot", "s.json",
        "--include", "pass", code=3)  # fmt: skip
    report = json.loads((tmp_path / "reports/report.json").read_text())
    found = {(each["resource"]["project"], each["resource"]["id"]): each for each in report["results"]}
    assert {key: each["status"] for key, each in found.items()} == {
        ("shop", "w1"): "pass", ("shop", "w2"): "fail", ("lab", "w2"): "unknown",
    }  # fmt: skip
    assert found["shop", "w2"]["message"] == "The widget 'Two' (blue) is not frobnicated"
    assert found["shop", "w2"]["fingerprint"] != found["lab", "w2"]["fingerprint"]
    (coverage,) = [each for each in report["coverage"]["types"] if each["type"] == "widget"]
    assert (coverage["resources"], coverage["details"]) == (3, 3)
    for path in [*tmp_path.glob("reports/*"), tmp_path / "s.json"]:
        assert SECRET.encode() not in unpacked(path.read_bytes()), path
    assert "Widget that nobody frobnicated" in (tmp_path / "reports/report.md").read_text()


def test_its_snapshot_is_evaluated_again(run, emulator, tmp_path):
    run(
        "run",
        "--api-url",
        emulator.url,
        "--rules",
        "widgets.yaml",
        "--format",
        "json",
        "--save-snapshot",
        "s.json",
        code=3,
    )
    run(
        "run", "--input", "s.json", "--rules", "widgets.yaml", "--output", "json=again.json", "--format", "none", code=3
    )
    first, again = (json.loads((tmp_path / each).read_text()) for each in ("reports/report.json", "again.json"))
    assert [each["fingerprint"] for each in again["results"]] == [each["fingerprint"] for each in first["results"]]
    assert again["summary"] == first["summary"]


def test_its_list_that_is_refused_is_unknown_and_names_the_permission_in_both_generations(run, monkeypatch, tmp_path):
    (tmp_path / "account.json").write_text(
        json.dumps({**ACCOUNT, "permissions": ["Project > Projects > Manage > Read"]})
    )
    with Emulator(load("account.json")) as served:
        monkeypatch.setenv("NORTHFLANK_API_TOKEN", served.token)
        run("run", "--api-url", served.url, "--rules", "widgets.yaml", "--format", "json", code=3)
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert [(each["status"], each["resource"]["project"], each["resource"]["id"]) for each in report["results"]] == [
        ("unknown", "lab", None), ("unknown", "shop", None),
    ]  # fmt: skip
    reasons = " ".join(report["run"]["incompleteReasons"])
    assert "Project > Widgets > Read (before 2026: Project > Old Widgets > Read)" in reasons


def test_it_is_linted_tested_listed_planned_and_described(run):
    assert "1 rule, no mistake" in run("rules", "lint", "--strict", "widgets.yaml")
    assert "3 examples passed" in run("rules", "test", "--coverage", "--strict", "widgets.yaml")
    misspelt = RULE.replace("widget.frobnicated", "widget.frobnicatd").replace("tests:", "x-tests:")
    Path("bad.yaml").write_text(misspelt.partition("    x-tests:")[0])
    assert "did you mean 'frobnicated'" in run("rules", "lint", "--strict", "bad.yaml", code=1)
    assert "GET /v1/projects/{project}/widgets/{id}" in run("types")
    assert "Project > Widgets > Read" in run("plan", "--rules", "widgets.yaml")
    assert "widget" in json.dumps(json.loads(run("rules", "schema")))


def test_it_is_documented(run):
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs/make.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert "/projects/{project}/widgets/{id}" in made.types()


def test_one_of_it_is_explained(run, emulator):
    text = run("rules", "explain", "widget-frobnicated", "w1", "--api-url", emulator.url, "--rules", "widgets.yaml")
    assert "pass" in text


def test_it_can_be_waived_by_project(run, emulator, tmp_path):
    (tmp_path / "w.yaml").write_text(
        "waivers:\n  - {rule: 'widget-*', resource: w2, project: shop, type: widget, team: null, reason: r, owner: o, "
        f"expires: {LATER}}}\n"
    )
    run("run", "--api-url", emulator.url, "--rules", "widgets.yaml", "--waivers", "w.yaml", "--format", "json", code=3)
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert (report["summary"]["waived"], report["summary"]["fail"]) == (1, 0)
