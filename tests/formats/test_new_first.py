"""Whatever list is cut shows what is new first."""

import click
import pytest
from msgspec.structs import replace

from northflank_audit.cli.summary import lines
from northflank_audit.delivery import notify
from northflank_audit.formats import FORMATS, htmlview, mailbody, markdown
from northflank_audit.formats.brief import brief
from northflank_audit.model import Severity
from tests.formats.conftest import result


@pytest.fixture
def thirty_one(full):
    """Thirty old violations that are bad, and one new one of another rule that is not."""
    old = [result(resource=f"old{number:02}", state="ongoing") for number in range(30)]
    new = result("provider", "fresh", severity=Severity.LOW, state="new", message="fresh uses quay")
    failed = {**full.summary.fail_by_severity, "high": 30, "low": 1}
    return replace(
        full,
        results=[*old, new],
        comparison=replace(full.comparison, new=1, ongoing=30),
        summary=replace(full.summary, fail=31, fail_by_severity=failed),
    )


def test_the_terminal(thirty_one):
    text = click.unstyle("\n".join(lines(thirty_one, [])))
    assert text.index("- new  fresh") < text.index("- old00")
    assert "… and 11 more violations" in text


@pytest.mark.parametrize(
    "render",
    [
        brief,
        lambda report: mailbody.text(report, "kept").partition("VIOLATIONS")[2],
        lambda report: notify.body(report, []),
    ],
    ids=["brief", "mail", "notification"],
)
def test_what_lists_the_worst(thirty_one, render):
    text = render(thirty_one)
    assert "more" in text
    assert 0 <= text.index("fresh uses quay") < text.index("old00")


def test_annotations_of_a_level(thirty_one):
    some = [replace(each, severity=Severity.HIGH) for each in thirty_one.results]
    text = FORMATS["github"].render(replace(thirty_one, results=some))
    assert text.startswith("::error file=rules.yaml,line=12,title=High%2C new")
    assert "21 violations" in text


def test_markdown(thirty_one, monkeypatch):
    monkeypatch.setattr(markdown, "MOST", 5)
    same = [replace(each, rule_id="unrestricted") for each in thirty_one.results]
    text = FORMATS["md"].render(replace(thirty_one, results=same))
    assert text.index("fresh uses quay") < text.index("old00")
    assert "… and 26 more" in text


def test_html(thirty_one, monkeypatch):
    monkeypatch.setattr(htmlview, "WORST", 5)
    monkeypatch.setattr(htmlview, "REST", 5)
    page = FORMATS["html"].render(thirty_one)
    assert "fresh uses quay" in page
    assert "old03" in page
    assert "old04" not in page
    waived = [replace(each, waiver=thirty_one.waivers.unused[0]) for each in thirty_one.results]
    assert "fresh uses quay" in FORMATS["html"].render(replace(thirty_one, results=waived))
