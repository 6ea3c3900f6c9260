"""Described parameters: what is no schema, and values that do not fit, are told with their places."""

import json

import pytest

from northflank_audit.config.policy import read_rules
from northflank_audit.documents.yaml_document import Document
from northflank_audit.parameters import ParameterSchema, ValueSchema, allowed, expected
from northflank_audit.policy.rules.example_files import add_tests
from northflank_audit.policy.rules.rulebook import override, read
from northflank_audit.resources import TYPES

RULE = """rules:
  - id: r
    title: T
    severity: low
    require: "credential.name in params.p"
    params:
      p: {%s}
"""
HOSTS = "default: %s, items: {format: host-pattern}"


def problems(described: str) -> list[str]:
    return [str(each).partition(": ")[2] for each in read([("r.yaml", RULE % described)]).diagnostics]


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        ("default: [gitub], items: {enum: [github, ecr]}", "'gitub' is not one of github, ecr (did you mean 'github'?)"),
        ("default: [], examples: [[gitub]], items: {enum: [github]}", "'gitub' is not one of github (did you mean"),
        ("default: [x, 5], items: {type: string}", "expected text, got a whole number: it must be quoted"),
        ("default: [0], items: {minimum: 1}", "expected a number >= 1"),
        ("default: [70000], items: {type: integer, maximum: 65535}", "expected a whole number <= 65535"),
        ("default: [a/b], items: {pattern: '^[a-z]+$', description: a word}", "'a/b' is not a word"),
        ("default: [1.5], items: {type: integer}", "expected a whole number, got a number"),
        ("default: text, type: array", "expected a list, got text"),
        ('default: ["("], items: {format: regex}', "not a regular expression (RE2): "),
        ("default: [], desription: x", "unknown key 'desription' (did you mean 'description'?)"),
        ("default: [], type: strin", "'strin' is not one of string, integer"),
        ("default: [], items: {enum: []}", "'enum' is empty"),
        ("default: [], minimum: 1", "'minimum' applies to integer or number, not to array"),
        ("default: [], items: {pattern: '('}", "not a regular expression: missing )"),
        (HOSTS % '["https://harbor.example.com/x"]', "a host has no scheme, port or path; write harbor.example.com"),
        (HOSTS % '["harbor.example.com:5000"]', "a host has no scheme, port or path; write harbor.example.com"),
        (HOSTS % '["*.example.com/x"]', "a host has no scheme, port or path; write example.com"),
        (HOSTS % '["registry.*.com"]', "* is only allowed at the start, as in *.example.com"),
        (HOSTS % '["*"]', "* is only allowed at the start, as in *.example.com"),
        (HOSTS % '[""]', "not a host; write one such as registry.example.com"),
        (HOSTS % '["a b"]', "not a host; write one such as registry.example.com"),
        ('default: ["*.example.com"], items: {format: hostname}', "expects one host, without *"),
    ],
)  # fmt: skip
def test_what_is_no_schema_or_does_not_fit_it_is_a_mistake(described, problem):
    (found,) = problems(described)
    assert found.startswith(problem)


def test_an_address_that_may_hold_a_secret_is_not_repeated():
    (found,) = problems(HOSTS % '["https://u:hunter2@h.example/x"]')
    assert found.endswith("write h.example")
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "host", ["a.example", "*.example.com", ".example.com", "[::1]", "bücher.example", "A_1.example"]
)
def test_what_fits_is_no_mistake(host):
    assert problems(HOSTS % json.dumps([host])) == []


def test_a_value_is_described_only_if_it_has_a_default():
    plain = read([("r.yaml", RULE % "a: {type: string}")]).rules["r"]
    assert (plain.params, plain.param_schemas) == ({"p": {"a": {"type": "string"}}}, {})
    described = read([("r.yaml", RULE % "default: {default: 1}")]).rules["r"]
    assert described.params == {"p": {"default": 1}}
    assert described.param_schemas["p"].type == "object"


def test_a_value_that_does_not_fit_is_told_where_it_is_set():
    text = RULE % "default: [a], items: {enum: [alpha, beta]}"
    text += "    tests:\n      - {given: {id: a, name: a}, params: {p: [alpa]}, expect: pass}\n"
    text = text.replace("default: [a]", "default: [alpha]")
    book = read([("r.yaml", text + "overrides: {r: {params: {p: [beta, bata]}}}\n")])
    assert [str(each) for each in book.diagnostics] == [
        "r.yaml:9:48: p: 'alpa' is not one of alpha, beta (did you mean 'alpha'?)",
    ]
    book = read([("r.yaml", text.replace("alpa]", "alpha]"))])
    add_tests(book, [("r.test.yaml", "tests:\n  - {rule: r, given: {id: a}, params: {p: [x]}, expect: pass}\n")])
    override(book, Document("overrides:\n  r: {params: {p: [beta, bata]}}\n", "audit.yaml"))
    assert [str(each) for each in book.diagnostics] == [
        "r.test.yaml:2:44: p: 'x' is not one of alpha, beta",
        "audit.yaml:2:26: 'r': p: 'bata' is not one of alpha, beta (did you mean 'beta'?)",
    ]


def test_every_parameter_of_a_bundled_rule_is_described():
    for rule in read_rules(["pack:everything"]).checked():
        assert rule.param_schemas.keys() == rule.params.keys(), rule.id
        for name, schema in rule.param_schemas.items():
            assert schema.description.endswith("."), (rule.id, name)
            assert schema.type != "array" or schema.items is not None, (rule.id, name)
            assert schema.type != "array" or schema.default or schema.examples, (rule.id, name)


def test_the_providers_that_may_be_allowed_are_those_of_the_catalogue():
    rules = read_rules(["pack:everything"]).rules
    for rule_id, name in (
        ("registry-credential-provider-allowed", "allowed"),
        ("registry-credential-duplicate", "one_registry"),
    ):
        values = rules[rule_id].param_schemas[name].items.enum
        assert values == list(TYPES["registry-credential"].fields["provider"].values)


def test_what_is_allowed_is_said_in_words():
    assert expected(ParameterSchema(default=1, type="integer", minimum=0, maximum=10)) == "a whole number, from 0 to 10"
    schema = ParameterSchema(default=[], type="array", items=ValueSchema(enum=["a", "b"]), examples=[["a"]])
    assert allowed(schema) == 'a list; each item is one of a, b; for example ["a"]'
