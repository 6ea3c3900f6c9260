"""The names of resources link to the console, where their page is known."""

import json

import pytest

RULES = """
rules:
  - {id: tagged, title: Tagged, severity: low, resource: service, require: "size(service.tags) > 9"}
  - {id: typed, title: Typed, severity: low, resource: addon, require: "addon.spec.type == 'x'"}
"""
SERVICES = {"data": {"services": [{"id": "web", "name": "Web", "appId": "/shop/front/web", "tags": []}]}}
ADDONS = {"data": {"addons": [{"id": "db", "name": "DB", "appId": "/shop/front/db", "spec": {"type": "y"}}]}}


@pytest.fixture
def linked(audit, tmp_path):
    """Audit a service and an addon; returns what ended."""
    for name, value in (("s.json", SERVICES), ("a.json", ADDONS)):
        (tmp_path / name).write_text(json.dumps(value))
    (tmp_path / "p.json").write_text(json.dumps({"data": {"projects": [{"id": "front", "name": "Front"}]}}))
    (tmp_path / "r.yaml").write_text(RULES)
    inputs = ("--input", "service@front=s.json", "--input", "addon@front=a.json", "--input", "project=p.json")
    return lambda *arguments: audit("--rules", "r.yaml", *inputs, *arguments)


def urls(done):
    return {each["resource"]["id"]: each["resource"].get("url") for each in done.report["results"]}


def test_a_service_links_to_its_page_and_an_addon_to_none(linked, tmp_path):
    url = "https://app.northflank.com/t/shop/project/front/services/web"
    assert urls(linked()) == {"web": url, "db": None}
    html = (tmp_path / "reports/report.html").read_text()
    assert (
        html.count("app.northflank.com") == html.count(f'<a href="{url}" rel="noopener noreferrer"><b>Web</b></a>') == 1
    )
    assert f"| [Web `front/web`]({url}) |" in (tmp_path / "reports/report.md").read_text()


def test_another_console_may_be_named(linked, tmp_path):
    made = urls(linked("--console-url", "http://console.example:8080/nf/"))
    assert made["web"] == "http://console.example:8080/nf/t/shop/project/front/services/web"
    (tmp_path / "audit.yaml").write_text("console-url: https://other.example\n")
    assert urls(linked())["web"].startswith("https://other.example/t/")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://a.example",
        "app.northflank.com",
        "https://",
        "https://u:p@a.example",
        "https://a.example?x",
        "https://[",
        "https://a b",
    ],
)
def test_what_is_no_web_address_is_refused(linked, url):
    done = linked("--console-url", url)
    assert (done.code, "not a web address" in done.err) == (2, True)
    assert "u:p" not in done.err


def test_the_demo_links_nowhere(audit):
    done = audit("--demo", "--rules", "pack:workloads", "--format", "json")
    assert [each for each in done.report["results"] if "url" in each["resource"]] == []
