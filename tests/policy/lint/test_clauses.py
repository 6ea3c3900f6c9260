import pytest

from northflank_audit.config.policy import read_rules
from northflank_audit.policy.lint.clauses import suspect_clauses


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("credential.a || true", ["true: this part is always true"]),
        ("!(1 > 2) && credential.a", ["!(1 > 2): this part is always true", "(1 > 2): this part is always false"]),
        ("true ? credential.a : credential.b", ["true: this part is always true"]),
        ("credential.a && credential.b && (credential . a)", ["(credential . a): this part occurs twice"]),
        ("credential.a == 'a b' || credential.a == 'ab'", []),
        ("credential.a == -1 || credential.a == 1", []),
        ("credential.a && !credential.a", ["!credential.a: its opposite also occurs: together they are always false"]),
        ("!credential.a || (credential.a)", ["(credential.a): its opposite also occurs: together they are always true"]),
        ("size(credential.a) < size(credential.a)", ["size(credential.a) < size(credential.a): both sides are the same: it is always false"]),
        ("credential.a in credential.a", []),
        ("credential.restrictions.projects != 'x'", ["'x': 'restrictions.projects' is a list, but this is text: they are always unequal"]),
        ("7 == credential.provider", ["7: 'provider' is text, but this is a number: they are never equal"]),
        ("credential.createdAt == '2026-01-01T00:00:00Z'", []),
        ("credential.provider in ['githb', 7]", ["'githb': 'githb' is not a documented value of 'provider' (did you mean 'github'?)", "7: 'provider' is text, but this is a number: they are never equal"]),
        ("credential.name && !credential.restrictions.restricted", ["credential.name: 'name' is text, but must be true or false here"]),
        ("now - duration('180d') > timestamp(credential.createdAt)", ["duration('180d'): this fails: String to Duration conversion failed; durations have h, m and s, and no days: 24h"]),
        ("now - duration('24h') > timestamp(credential.createdAt)", []),
        ("credential.name.matches('docker(')", ["credential.name.matches('docker('): this fails: invalid regular expression: missing ): docker("]),
        ("credential.name.matches('^docker')", []),
        ("resources.filter(c, c.provider == 'x').all(c, c.nmae == '' && has(c.restrictions.restrcted))", ["nmae: no generation of the API has the field 'nmae' (did you mean 'name'?): what needs it is unknown for every registry credential", "restrcted: no generation of the API has the field 'restrictions.restrcted' (did you mean 'restricted'?): what needs it is unknown for every registry credential"]),
        ("params.names.all(c, c.nmae == '')", []),
        ("credential.provider == null", ["credential.provider == null: a field that is null counts as absent, so this is unknown, never true; use has()"]),
        ("credential.provider == 'quay'", []),  # may be new
        ("credential.unknown == 7 && [1, 2].exists(x, x > 1)", []),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_told_with_its_place(source, expected):
    found = [
        f"{source[each.index : each.index + each.width]}: {each.text}"
        for each in suspect_clauses(source, "registry-credential")
    ]
    assert found == expected


def test_the_shipped_rules_have_nothing_odd():
    for rule in read_rules([]).checked():
        assert [
            *suspect_clauses(rule.require, rule.resource),
            *suspect_clauses(rule.when or rule.require, rule.resource),
        ] == []
