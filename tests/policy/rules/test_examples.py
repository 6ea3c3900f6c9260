"""Examples inside rules: what they say of the account around a record."""

import pytest

from northflank_audit.model import Status
from northflank_audit.policy.lint.warnings import warnings
from northflank_audit.policy.rules.example_files import add_tests
from northflank_audit.policy.rules.examples import run
from northflank_audit.policy.rules.rulebook import read
from tests.conftest import rule


@pytest.mark.parametrize(
    ("records", "count"),
    [
        ([{"id": "db"}, {"id": "db"}, {"id": "db"}, {"id": "cache"}], 4),
        ([{"name": "A"}, {"name": "B"}], 2),
        ([], 0),
    ],
)
def test_resources_of_the_same_id_or_without_one_are_each_counted(records, count):
    tests = [{"account": {"addons": records}, "expect": "pass"}]
    counted = rule(resource="account", require=f"size(account.addons) == {count}", tests=tests)
    (outcome,) = run([counted])
    assert outcome.got is Status.PASS


RULE = """
rules:
  - id: few
    title: Few
    severity: low
    resource: api-token
    require: size(resources) + size(account.api_tokens) < 5 && has(api_token.name)
    tests:
      - {name: p, given: &a {id: a, name: A}, resources: [*a, {id: b}], account: {api_tokens: [{id: b}, *a]}, expect: pass}
      - {name: f, given: {name: A}, resources: [{name: B}, {name: C}], account: {api_tokens: [{}, {}, {}]}, expect: fail}
      - {name: u, given: {id: a, name: A}, expect: unknown}
"""


def test_a_record_of_a_list_that_is_taken_for_given_is_warned_of_where_it_stands():
    book = read([("r.yaml", RULE)])
    added = """
tests:
  - rule: few
    given: {id: a, name: A}
    resources: [{id: b}, {id: a, name: B}]
    account: {api_tokens: []}
    expect: pass
"""
    add_tests(book, [("r.test.yaml", added)])
    assert book.diagnostics == []
    assert [str(each) for each in warnings(book)] == [
        "r.yaml:10:49: warning: this API token counts as that of 'given', because neither has an id, but differs from it",
        "r.test.yaml:5:26: warning: this API token counts as that of 'given', because it has the same id, but differs from it",
    ]
    assert [outcome.got for outcome in run(list(book.rules.values()))] == ["pass", "fail", "unknown", "pass"]
