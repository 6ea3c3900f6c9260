"""The fleet's report says what was found, what was not seen, and never more."""

import json
import re
from html.parser import HTMLParser

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from msgspec.structs import replace

from northflank_audit.cli.schemas import fleet as schema
from northflank_audit.errors import StartError
from northflank_audit.fleet import fleet_pages
from northflank_audit.fleet.fleet_matrix import families, rows
from northflank_audit.fleet.fleet_outcome import fleet_headline, fleet_outcome, fleet_subject, worst_first
from northflank_audit.fleet.fleet_reading import read_fleet_report
from northflank_audit.fleet.fleet_report import FamilyVerdicts, FleetReport, Shard, digest_of, not_started
from northflank_audit.formats.markdown import LONGEST, size
from northflank_audit.resources import TYPES
from tests.fleet.fleets import (
    FORBIDDEN,
    PASSED,
    UNSET_TOKEN,
    fleet_of,
    incomplete,
    mixed,
    passed,
    run,
    target,
    unstarted,
    violated,
)
from tests.formats.conftest import HOSTILE

SHARD = Shard(part=2, of=4, names=digest_of(["a"]))


class Page(HTMLParser):
    """Collects the cells of the matrix by target, the links, and every tag."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.links, self.tags = {}, [], set()
        self._cells, self._text = None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if tag == "a" and name == "href"]
        if tag == "tbody":
            self._cells = []
        elif tag in ("td", "th") and self._cells is not None:
            self._text = ""

    def handle_data(self, text):
        if self._text is not None:
            self._text += text

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._text is not None:
            self._cells.append(" ".join(self._text.split()))
            self._text = None
        elif tag == "tbody":
            name, *rest = self._cells
            self.targets[name] = rest
            self._cells = None


def test_a_target_is_a_line_and_a_family_a_column():
    page = Page(fleet_pages.render_html(mixed()))
    assert page.targets == {
        "delta": ["not started", "–", UNSET_TOKEN],
        "charlie": [
            "incomplete", "1", "passed so far", "high 1, 2 unknown", "4 unknown",
            f"What could not be seen: 2 reasons {FORBIDDEN} 6 verdicts are unknown",
        ],
        "bravo": ["violated", "3", "critical 2", "passed", "low 1"],
        "alpha": ["passed", "0", "passed, 1 waived", "passed", "–"],
        "echo": ["inconclusive", "0", "–", "no verdict", "2 unknown"],
    }  # fmt: skip
    assert list(page.targets) == [each.name for each in worst_first(mixed())]
    assert page.links == ["charlie/report.html", "bravo/report.html", "alpha/report.html", "echo/report.html"]


def test_markdown_says_the_same():
    text = fleet_pages.render_markdown(mixed())
    lines = text.splitlines()
    assert lines[0] == f"# INCOMPLETE: {fleet_headline(mixed())}"
    assert "| Target | Verdict | Violations | registries | network | data |" in lines
    assert (
        "| [charlie](charlie/report.html) | incomplete | 1 | passed so far | **high** 1, 2 unknown | 4 unknown |"
        in lines
    )
    assert "| delta | not started | – | unknown | unknown | unknown |" in lines
    assert f"- **charlie** (incomplete): {FORBIDDEN}; and 1 more reason" in lines
    assert "- **delta** (not started): token-env: the variable DELTA is not set" in lines


def test_columns_are_in_the_order_of_the_catalogue_whatever_the_targets_have():
    catalogue = list(dict.fromkeys(each.family for each in TYPES.values()))
    backwards = dict.fromkeys([*reversed(catalogue), "zoo", "from-the-future"], PASSED)
    assert families(fleet_of(target("a", backwards))) == [*catalogue, "from-the-future", "zoo"]


@pytest.mark.parametrize(
    ("report", "outcome", "headline"),
    [
        (passed(3), "PASSED", "No violations on 3 targets"),
        (fleet_of(target("a", {"data": violated(2)}, code=0), *passed(2).targets), "VIOLATED", "2 violations on 1 of 3 targets"),
        (fleet_of(unstarted(), *passed(2).targets), "INCOMPLETE", "1 of 3 targets could not start; so far there is no violation on 3 targets"),
        (fleet_of(target("a", {"data": PASSED}, ["x"])), "INCOMPLETE", "1 of 1 target could not be audited completely; so far there is no violation on 1 target"),
        (mixed(), "INCOMPLETE", "2 of 5 targets could not be audited completely (1 could not start); so far there are 4 violations on 2 of 5 targets"),
        (fleet_of(target("a", {"data": FamilyVerdicts(unknown=2)}), *passed(1).targets), "INCONCLUSIVE", "No violations on 2 targets; on 1 nothing could be evaluated"),
        (fleet_of(target("a", {})), "INCONCLUSIVE", "Nothing could be evaluated on 1 target"),
        (replace(fleet_of(), shard=SHARD), "INCONCLUSIVE", "There is no target in part 2 of 4"),
        (replace(passed(1), exit_code=3, undelivered=["x"]), "INCOMPLETE", "No violations on 1 target, but not everything could be delivered"),
        (fleet_of(not_started("a", "killed", run(), code=3)), "INCOMPLETE", "1 of 1 target could not be audited completely; so far there is no violation on 1 target"),
        (fleet_of(target("a", {"data": PASSED}, code=3)), "INCOMPLETE", "1 of 1 target could not be audited completely; so far there is no violation on 1 target"),
    ],
)  # fmt: skip
def test_the_outcome_is_that_of_the_worst_target(report, outcome, headline):
    assert (fleet_outcome(report), fleet_headline(report)) == (outcome, headline)
    page = fleet_pages.render_html(report)
    assert f'<meta name="audit-outcome" content="{outcome}">' in page
    assert f"<h1>{headline}</h1>" in page
    assert fleet_pages.render_markdown(report).startswith(f"# {outcome}: ")
    assert ("INCOMPLETE" in fleet_subject(report)) == (outcome == "INCOMPLETE")


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("verdicts", [None, FamilyVerdicts(), FamilyVerdicts(unknown=1), PASSED])
def test_only_what_was_seen_whole_is_passed(complete, verdicts):
    made = target("a", {} if verdicts is None else {"data": verdicts}, [] if complete else ["x"])
    ((cell,),) = ([row.cells for row in rows([made], ["data"])][0:1],)
    assert (cell[0].kind == "pass") is (complete and verdicts is PASSED)


def test_hostile_text_is_text():
    evil = f"<script>alert(1)</script>{HOSTILE}\u202e\x1b[31m | ` [x](http://e.example) ::error::x"
    report = replace(
        fleet_of(unstarted(reason=evil), incomplete("charlie", evil, evil)), undelivered=[evil], exit_code=3
    )
    report = replace(report, run=replace(report.run, id=evil))
    page = fleet_pages.render_html(report)
    tame = fleet_pages.render_html(replace(mixed(), undelivered=["x"], exit_code=3))
    assert Page(page).tags <= Page(tame).tags
    assert "<script>alert" not in page
    text = fleet_pages.render_markdown(report)
    assert not re.search(r"[\u202e\x1b]", page + text)
    rendered = Page(MarkdownIt("commonmark").enable("table").render(text))
    assert rendered.links == ["charlie/report.html"]
    assert not {"script", "img", "em"} & rendered.tags


def test_a_link_never_leaves_the_folder():
    bad = ["../x.html", "/etc/x", "javascript:alert(1)", "a\\..\\x", "https://e.example/", "a//b", ""]
    for path in bad:
        report = fleet_of(target("a", {"data": PASSED}, reports={"html": path}, report=None))
        assert Page(fleet_pages.render_html(report)).links == []
        assert "](" not in fleet_pages.render_markdown(report)
    odd = fleet_of(target("a", {"data": PASSED}, reports={"html": "a/b c)?#&.html"}, report=None))
    assert Page(fleet_pages.render_html(odd)).links == ["a/b%20c%29%3F%23%26.html"]


def test_markdown_fits_a_comment_and_keeps_the_worst():
    many = [incomplete(f"bad-{number}", "x" * 5000) for number in range(300)]
    report = fleet_of(*many, *passed(3000).targets)
    text = fleet_pages.render_markdown(report)
    assert size(text) <= LONGEST
    listed = text.count("](")
    assert f"… and {3300 - listed} more, in fleet.json" in text
    assert 50 < listed <= 300


@pytest.mark.parametrize(
    "report", [mixed(), replace(passed(2), shard=SHARD), replace(mixed(), undelivered=["x"]), fleet_of()]
)
def test_what_was_written_reads_back_the_same_and_fits_its_schema(report, tmp_path):
    text = fleet_pages.render_json(report)
    assert text.endswith("}\n")
    (tmp_path / "fleet.json").write_text(text)
    again = read_fleet_report(str(tmp_path / "fleet.json"))
    assert again == report
    for render in (fleet_pages.render_json, fleet_pages.render_html, fleet_pages.render_markdown):
        assert render(again) == render(report)
    validator = Draft202012Validator(schema())
    document = json.loads(text) | {"fromTheFuture": 1}
    assert [each.message for each in validator.iter_errors(document)] == []
    assert [*validator.iter_errors({key: each for key, each in document.items() if key != "schemaVersion"})]


def changed(**changes):
    document = json.loads(fleet_pages.render_json(mixed()))
    return json.dumps(document | changes)


def with_target(**changes):
    targets = json.loads(fleet_pages.render_json(mixed()))["targets"]
    return changed(targets=[targets[0] | changes, *targets[1:]])


def of_alpha(**changes):
    targets = json.loads(fleet_pages.render_json(mixed()))["targets"]
    (alpha,) = (each for each in targets if each["name"] == "alpha")
    for key, value in changes.items():
        alpha[key] = alpha[key] | value if isinstance(value, dict) else value
    return changed(targets=targets)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("[]", "it has no schemaVersion"),
        ('{"results": []}', "it has no schemaVersion"),
        (changed(schemaVersion="1.1"), "its schemaVersion is 1.1, and this version of the tool reads 1.0"),
        (changed(schemaVersion="2.0"), "its schemaVersion is 2.0, and this version of the tool reads 1.0"),
        (changed(schemaVersion=1), "schemaVersion"),
        (changed(exitCode=0), "its exitCode is 0, and its targets say 3"),
        (changed(run={}), "$.run"),
        (changed()[:-1] + ', "exitCode": 3}', "the key 'exitCode' occurs twice"),
        (changed(shard={"part": 5, "of": 4, "names": "0" * 64}), "its shard is none"),
        (with_target(name="../x"), "'../x' is no name of a target"),
        (with_target(name=".."), "'..' is no name of a target"),
        (with_target(name="fleet.md"), "'fleet.md' is no name of a target"),
        (with_target(name="alpha"), "the target alpha occurs twice"),
        (with_target(complete=True), "the target delta is complete, with exit code 2"),
        (with_target(exitCode=0), "the target delta is incomplete, with exit code 0"),
        (with_target(report="../../etc/passwd"), "has a report outside of the fleet's folder"),
        (with_target(reports={"html": "javascript:x"}), "has a report outside of the fleet's folder"),
        (with_target(families={"data": {"fail": -1}}), "has a count below 0"),
        (with_target(families={"data": {"fail": 1}}), "the target delta has other violations by severity or by family"),
        (of_alpha(incompleteReasons=["page 2"]), "the target alpha is complete, with reasons why it is not"),
        (of_alpha(summary={"fail": 1}), "the target alpha has other violations by severity or by family than in all"),
        (of_alpha(summary={"failBySeverity": {"high": 1}}), "the target alpha has other violations by severity"),
        (changed(undelivered=[]), "its undelivered is empty"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text, problem, tmp_path):
    (tmp_path / "fleet.json").write_text(text)
    with pytest.raises(StartError, match=re.escape(problem)) as refused:
        read_fleet_report(str(tmp_path / "fleet.json"))
    assert str(refused.value).startswith(f"{tmp_path}/fleet.json: not a fleet.json of this tool (")
    with pytest.raises(StartError, match="No such file"):
        read_fleet_report(str(tmp_path / "absent.json"))


def test_the_order_of_targets_and_families_does_not_change_the_page():
    forth = mixed()
    back = FleetReport.of(forth.tool, forth.run, list(reversed(forth.targets)))
    assert fleet_pages.render_html(back) == fleet_pages.render_html(forth)
