import json

import pytest

from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors, StartError
from northflank_audit.policy.rules.rulebook import load, override, read
from northflank_audit.policy.selection import select
from tests.conftest import RULES, rules

HEAD = "rules:\n  - id: r\n    title: T\n    severity: low\n    require: 'true'\n"


def problems(text):
    with pytest.raises(FileErrors) as caught:
        load([("f.yaml", text)])
    return [str(error) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            "f.yaml:1:1: a rule file needs a list under the key 'rules', or the files that it builds on under 'extends'",
        ),
        ("rules: []", "f.yaml:1:8: a rule file needs a list under the key 'rules'"),
        (
            "rules: []\n---\nrules: []\n",
            "f.yaml:2:1: not valid YAML: a file has one document, and '---' begins another",
        ),
        ("rules: [", "f.yaml:1:9: not valid YAML: while parsing a flow node: did not find expected node content"),
        ("a: 1\nrules:\n - {id: r, id: s}", "f.yaml:3:12: duplicate key 'id', first in line 3"),
        (HEAD + "    severty: high\n", "f.yaml:6:5: unknown key 'severty'"),
        (
            HEAD.replace("low", "lowest"),
            "f.yaml:4:15: 'lowest' is not one of info, low, medium, high, critical (did you mean 'low'?)",
        ),
        (
            HEAD.replace("id: r", "id: 'a b'"),
            "f.yaml:2:9: 'a b' is not an id: only letters, digits, - and _",
        ),
        (HEAD.replace("    title: T\n", ""), "f.yaml:2:5: the key 'title' is missing"),
        (HEAD.replace("'true'", "'creds.x'"), "f.yaml:5:15: require: unknown name 'creds.x'"),
        (HEAD.replace("'true'", "credential.x =="), "f.yaml:5:29: require: Syntax error"),
        (HEAD.replace("'true'", "|\n      true &&\n        creds.x"), "f.yaml:7:9: require: unknown name 'creds.x'"),
        (HEAD.replace("'true'", ">-\n      true &&\n      creds.x"), "f.yaml:7:7: require: unknown name 'creds.x'"),
        (HEAD + "    when: \"'text'\"\n", "f.yaml:6:12: when: must return true or false, but returns string"),
        (
            HEAD.replace("'true'", "params.mx > 1") + "    params: {max: 1}\n",
            "f.yaml:5:21: require: no parameter 'mx' (did you mean 'max'?)",
        ),
        (HEAD + "    message: '{nme}'\n", "f.yaml:6:15: message: unknown field {nme} (did you mean 'name'?)"),
        (HEAD + "    message: '{name'\n", "f.yaml:6:14: message: expected '}' before end of string"),
        (HEAD + "    references: ['javascript:alert(1)']\n", "f.yaml:6:18: not a web address: 'javascript:alert(1)'"),
        (HEAD + "    references: ['https://[']\n", "f.yaml:6:18: not a web address: 'https://['"),
        (
            HEAD + "    tests:\n      - {given: {id: a}, expect: maybe}\n",
            "f.yaml:7:34: 'maybe' is not one of pass, fail, unknown, error, notapplicable",
        ),
        (HEAD + "    tests:\n      - {given: {}, expect: pass, params: {q: 1}}\n", "f.yaml:7:44: no parameter 'q'"),
        (
            HEAD + "    params: !!python/object/apply:os.system [ls]\n",
            "f.yaml:6:13: the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed",
        ),
        (HEAD + '    rationale: "\\ud800"\n', "f.yaml:6:19: not valid YAML: found invalid Unicode"),
        (HEAD + "    params: {x: !!binary aGk=}\n", "f.yaml:6:17: binary is not a value that JSON has"),
        (HEAD + "    params: {[a]: 1}\n", "f.yaml:6:14: a key must be plain text"),
        (HEAD + "extra: 1\n", "f.yaml:6:1: unknown key 'extra'"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, expected):
    assert any(problem.startswith(expected) for problem in problems(text))


def test_an_id_is_always_there_so_no_example_can_expect_it_to_be_missing():
    text = HEAD.replace("'true'", "credential.id != ''") + "    tests:\n      - {given: {}, expect: unknown}\n"
    assert problems(text) == ["f.yaml:7:29: the rule is never 'unknown': it reads no field that may be missing"]


def test_all_rules_with_mistakes_are_told_at_once():
    text = HEAD.replace("low", "no") + HEAD.replace("rules:\n", "").replace("'true'", "nope").replace("id: r", "id: s")
    assert [problem.split(": ")[0] for problem in problems(text)] == ["f.yaml:4:15", "f.yaml:9:14"]


def test_two_rules_with_one_id_name_both_places():
    with pytest.raises(FileErrors, match=r"b.yaml:2:9: the rule id 'r' is taken by a.yaml:2"):
        load([("a.yaml", HEAD), ("b.yaml", HEAD)])


def test_an_alias_bomb_is_refused():
    bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(f"{x}: &{x} [{', '.join([f'*{y}'] * 10)}]\n" for x, y in zip("bcdefgh", "abcdefg", strict=True))
    with pytest.raises(FileErrors, match="alias"):
        Document(bomb, "f")
    with pytest.raises(FileErrors, match="alias"):
        Document("a: &a [*a]", "f")


def test_merge_keys_work_and_dates_stay_text():
    document = Document("base: &b {x: 1}\nother: {<<: *b, y: 2026-01-01, x: 3}\n", "f")
    assert document.value == {"base": {"x": 1}, "other": {"x": 3, "y": "2026-01-01"}}
    twice = Document("a: &a {k: &k {x: 1}}\nb: &b {<<: *a, k: *k}\nc: {<<: *b, k: {x: 2}}\n", "f")
    assert twice.value == {"a": {"k": {"x": 1}}, "b": {"k": {"x": 1}}, "c": {"k": {"x": 2}}}


def test_selecting():
    assert [rule.id for rule in select(rules(), [], ["provider"])] == ["unrestricted"]
    assert [rule.id for rule in select(rules(), ["provider"], [])] == ["provider"]
    with pytest.raises(StartError, match="no rule has the id 'providr' .did you mean 'provider'"):
        select(rules(), ["providr"], [])
    with pytest.raises(StartError, match="no rule is left"):
        select(rules(), ["provider"], ["provider"])


def overridden(text):
    book = read([("rules.yaml", RULES)])
    override(book, Document(text, "audit.yaml"))
    return {rule.id: rule for rule in book.checked()}


def test_overrides_tune_rules():
    result = overridden("overrides: {provider: {severity: critical, params: {allowed: [ecr]}}, unrestricted: off}")
    assert list(result) == ["provider"]
    assert result["provider"].severity == "critical"
    assert result["provider"].params == {"allowed": ["ecr"]}
    assert list(overridden("overrides: {unrestricted: 'off'}")) == ["provider"]
    assert len(overridden("fail-on: high")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("overrides:\n  provder: off", "audit.yaml:2:3: no rule 'provder' (did you mean 'provider'?)"),
        (
            "overrides:\n  provider: {params: {alowed: []}}",
            "audit.yaml:2:23: 'provider': no parameter 'alowed' (did you mean 'allowed'?)",
        ),
        (
            "overrides:\n  provider: {params: {allowed: x}}",
            "audit.yaml:2:32: 'provider': 'allowed' must be a list, like its default",
        ),
        ("overrides:\n  provider: {severity: bad}", "audit.yaml:2:24: 'bad' is not one of info, low"),
        (
            "overrides:\n  provider: 1",
            "audit.yaml:2:13: an override is 'off', 'on', or a map of 'severity' and 'params', not a number",
        ),
        ("overrides: [a]", "audit.yaml:1:12: overrides maps rule ids to changes"),
    ],
)
def test_a_wrong_override_is_an_error(text, expected):
    with pytest.raises(StartError) as caught:
        overridden(text)
    assert str(caught.value).startswith(expected)


def test_the_example_of_the_contract_is_a_rule():
    entry = {
        "id": "registry-credential-unrestricted",
        "title": "Registry credentials are restricted to projects",
        "severity": "high",
        "resource": "registry-credential",
        "when": "credential.provider != 'legacy'",
        "require": "credential.restrictions.restricted",
        "params": {},
        "message": "{name} can be used by every project",
        "rationale": "Why.",
        "remediation": "What.",
        "references": ["https://example.com"],
        "controls": {"soc2": ["CC6.1"], "nist-800-53": ["AC-6"]},
        "tests": [{"name": "open to all", "given": {"id": "a"}, "expect": "fail"}],
    }
    assert rules(json.dumps({"rules": [entry]}))[0].controls["soc2"] == ["CC6.1"]
    assert len(rules(RULES)) == 2


DAYS = "now - timestamp(credential.updatedAt) < duration(string(params.days * 24) + 'h')"
FAILING = [
    ("'prod' in credential.name", {}, "require: this fails on every record: No matching overloads found : @in"),
    ("credential.name + 1 == 2", {}, "require: this fails on every record: No matching overloads found"),
    ("now - timestamp(credential.createdAt) > duration('90d')", {}, "require: this fails: String to Duration"),
    ("has(credential.createdAt) && duration('90d') > duration('1h')", {}, "require: this fails: String to Duration"),
    ("credential.name.matches('^[a-z')", {}, "require: this fails: invalid regular expression"),
    ("params.p == '' || credential.name.matches(params.p)", {"p": "^[a-z"}, "require: this fails: invalid regular"),
    (
        "params.l.exists(p, credential.name.matches(p))",
        {"l": ["^[a-z"]},
        "require: this fails on every record: invalid",
    ),
    (DAYS, {"days": 1.5}, "require: this fails on every record: No matching overloads found"),
    (DAYS, {"days": -5}, "require: this fails: the duration is negative"),
]
SOUND = [
    ("credential.foo + 1 == 2", {}),
    ("credential.foo.bar.exists(x, x == 'a')", {}),
    ("size(params.l) > 0 ? params.l[0] == credential.name : credential.name != ''", {"l": []}),
    ("params.p == '' || credential.name.matches(params.p)", {"p": ""}),
    ("params.l.exists(p, credential.name.matches(p))", {"l": []}),
    ("timestamp(credential.foo) < now && int(credential.bar) > 0", {}),
    (DAYS, {"days": 5}),
]


def ruled(require, params):
    entry = {"id": "r", "title": "T", "severity": "low", "require": require, "params": params}
    return read([("r.yaml", json.dumps({"rules": [entry]}))])


@pytest.mark.parametrize(("require", "params", "said"), FAILING)
def test_a_rule_that_fails_on_every_record_is_a_mistake_where_it_stands(require, params, said):
    (diagnostic,) = ruled(require, params).diagnostics
    assert str(diagnostic).startswith("r.yaml:1:")
    assert said in str(diagnostic)


@pytest.mark.parametrize(("require", "params"), SOUND)
def test_a_rule_that_may_give_a_value_is_none(require, params):
    assert ruled(require, params).diagnostics == []


@pytest.mark.parametrize(("value", "said"), [("1.5", "No matching overloads"), ("-5", "the duration is negative")])
def test_a_parameter_with_which_a_rule_fails_is_a_mistake_where_it_is_set(value, said):
    book = ruled(DAYS, {"days": 90})
    override(book, Document(f"overrides:\n  r:\n    params:\n      days: {value}\n", "audit.yaml", strict=False))
    (diagnostic,) = book.diagnostics
    assert str(diagnostic).startswith("audit.yaml:4:13: 'r' can't have this 'days': this fails")
    assert said in str(diagnostic)


def test_a_number_with_thousands_of_digits_comes_without_advice_for_programmers():
    digits = "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"
    assert f"f.yaml:1:8: not a value: {digits}" in problems(f"rules: {'9' * 5000}")
