"""Fuzzed policy files, and what lint promises of all of them."""

import json
import re

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.cli import diagnostics
from northflank_audit.cli.app import cli
from northflank_audit.config.policy import read_rules
from northflank_audit.documents.positions import offset
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileError, in_order
from northflank_audit.policy.lint import warnings
from northflank_audit.policy.remarks.remark_files import WAIVERS
from northflank_audit.policy.remarks.remark_files import read as read_remarks
from northflank_audit.policy.rules import rulebook
from northflank_audit.policy.rules.rule_file import RuleEntry
from tests.conftest import ROOT, RULES

PLACE = re.compile(r"^f\.yaml:\d+:\d+: ")

WORDS = st.sampled_from([*RuleEntry.__struct_fields__, "rules", "extends", "overrides", "given", "expect", "waivers"])
CEL = st.sampled_from(
    ["credential.provider == 'x'", "params.a", "1 +", "has(credential.a.b)", "size(credential)", "'x'"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | WORDS | CEL
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.fixed_dictionaries({}, optional=dict.fromkeys(RuleEntry.__struct_fields__, VALUES))
NEARLY_RULES = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b"]), "title": st.just("T"), "severity": st.just("low"), "require": CEL},
    optional={"when": CEL, "params": st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2), "tests": VALUES},
)


def warned(text):
    """Lint a text as a rule file and as waivers; every mistake must have a place in it."""
    book = rulebook.read([("f.yaml", text)])
    found = [
        *book.diagnostics,
        *warnings.warnings(book),
        *read_remarks(Document(text, "f.yaml", strict=False), WAIVERS)[1],
    ]
    lines = text.count("\n") + text.count("\r") + 1
    for each in in_order(found):
        assert PLACE.match(str(each)) and "\n" not in str(each)
        assert 1 <= each.line <= lines + 1 and each.column >= 1
    return book


@given(st.lists(ENTRIES | NEARLY_RULES, max_size=3), st.sampled_from([None, True, False]))
def test_any_value_in_any_place_of_a_rule_file_is_a_rule_or_a_mistake(entries, flow):
    book = warned(yaml.safe_dump({"rules": entries}, default_flow_style=flow, allow_unicode=True))
    assert book.diagnostics or entries


@given(st.text(max_size=80) | st.text(st.sampled_from("rules: []{}&*!|>-'\"\n\t#?%@a1"), max_size=60))
def test_any_text_is_told_or_read(text):
    warned(text)


@given(st.data())
def test_a_shipped_file_with_a_piece_cut_out_or_put_in_is_told_or_read(data):
    text = (ROOT / "rules/registry-credentials.yaml").read_text()[: data.draw(st.integers(2000, 9000))]
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 40)))
    warned(text[:start] + data.draw(st.text(max_size=5) | WORDS | CEL) + text[end:])


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.sampled_from("  \n'\"\\#:"), min_size=1
    )
)
@pytest.mark.parametrize("style", ["'", '"', "|", ">", None])
def test_every_character_of_a_text_is_found_in_every_style_of_yaml(style, value):
    value = value.strip()
    text = yaml.safe_dump({"key": {"inner": value}}, default_style=style, allow_unicode=True, width=20)
    document = Document(text, "f.yaml")
    if document.value != {"key": {"inner": value}} or not value:  # what YAML itself does not keep
        return
    lines = text.split("\n")
    for index, character in enumerate(value):
        error = document.inside(("key", "inner"), index, 1, "here")
        here = lines[error.line - 1][error.column - 1 :]
        assert character.isspace() or here.startswith((character, "\\"))


def test_the_place_behind_a_text_is_its_end():
    assert offset("'a'", "'", "a", 1) == 2
    assert offset("|\n  ab\n", "|", "ab\n", 2) == 6
    assert offset("|", "|", "", 0) == 1
    assert offset("'x''''y'", "'", "x''y", 2) == 4  # the second of two quotes, each written twice


def test_shipped_rules_and_packs_have_no_mistake_and_no_warning():
    for pack in ("default", "baseline", "strict", "account"):
        book = read_rules([f"pack:{pack}"])
        assert (book.diagnostics, list(warnings.warnings(book))) == ([], [])


def test_the_same_checks_run_before_an_audit_and_nothing_is_fetched_or_written(audit, tmp_path):
    (tmp_path / "r.yaml").write_text(RULES.replace("severity: high", "severity: hgih").replace("in params", "in parms"))
    ended = audit("--demo", "--rules", "r.yaml")
    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert [line.split(": ")[0] for line in lines if line.startswith("r.yaml")] == ["r.yaml:5:15", "r.yaml:11:37"]
    assert lines[1:3] == ["   5 |     severity: hgih", "     |               ^~~~"]
    assert not (tmp_path / "reports").exists()


ONE = FileError("a,b:c.yaml", 3, 5, "100% wrong,\nreally", excerpt="   3 | x\n     | ^")
WARNING = FileError("w.yaml", 1, 1, "odd", warning=True)


def test_mistakes_are_listed_for_people_programs_and_github():
    assert diagnostics.text([ONE, WARNING]) == (
        "a,b:c.yaml:3:5: 100% wrong, really\n   3 | x\n     | ^\nw.yaml:1:1: warning: odd"
    )
    assert diagnostics.github([ONE, WARNING]) == (
        "::error file=a%2Cb%3Ac.yaml,line=3,col=5::100%25 wrong, really\n::warning file=w.yaml,line=1,col=1::odd"
    )
    first, second = json.loads(diagnostics.as_json([ONE, WARNING]))
    assert first == {"file": "a,b:c.yaml", "line": 3, "column": 5, "level": "error", "problem": "100% wrong, really"}
    assert second["level"] == "warning"
    assert diagnostics.counted([ONE, WARNING], 1) == "1 rule, 1 mistake, 1 warning"
    assert diagnostics.counted([], 2) == "2 rules, no mistake"


def test_lint_in_json_and_as_annotations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULES.replace("severity: high", "severity: hgih"))
    as_json = CliRunner().invoke(cli, ["rules", "lint", "r.yaml", "--format", "json"])
    assert [each["level"] for each in json.loads(as_json.output)] == ["error", "warning"]
    annotated = CliRunner().invoke(cli, ["rules", "lint", "r.yaml", "--format", "github"])
    assert annotated.output.startswith("::error file=r.yaml,line=5,col=15::'hgih' is not one of")
    assert (as_json.exit_code, annotated.exit_code) == (1, 1)
