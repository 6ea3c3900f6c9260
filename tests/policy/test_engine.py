import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.model import Account, Status, fingerprint
from northflank_audit.policy.engine import PAGE, Engine
from northflank_audit.policy.explain import steps
from northflank_audit.policy.expressions.cel import MOST_STEPS, NO_ADDRESS, Missing
from northflank_audit.policy.rules.examples import present
from northflank_audit.remarks import Waiver
from northflank_audit.resources import TYPES
from tests.conftest import resource, rule, rules

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def evaluated(the_rule, *resources):
    engine = Engine([the_rule], NOW)
    return [engine.result(verdict) for verdict in engine.evaluate(resources)]


@pytest.mark.parametrize(
    ("entry", "record", "status"),
    [
        ({"require": "credential.x == 1"}, {"x": 1}, "pass"),
        ({"require": "credential.x == 1"}, {"x": 2}, "fail"),
        ({"require": "credential.x == 1"}, {}, "unknown"),
        ({"require": "credential.x + 1 == 2"}, {"x": "s"}, "error"),
        ({"require": "credential.x"}, {"x": 7}, "error"),
        ({"when": "credential.y", "require": "false"}, {"y": False}, "notapplicable"),
        ({"when": "credential.y", "require": "true"}, {}, "unknown"),
        ({"when": "credential.y", "require": "true"}, {"y": 3}, "error"),
        ({"when": "credential.y", "require": "credential.x"}, {"y": True, "x": False}, "fail"),
    ],
)
def test_each_verdict(entry, record, status):
    assert [item.status for item in evaluated(rule(**entry), resource(**record))] == [status]


def test_every_pair_of_rule_and_resource_has_a_verdict_and_only_what_erred_is_unknown():
    engine = Engine(rules(), NOW)
    count = 2 * PAGE + 50
    page = [resource(id=f"c{n}", provider="github", restrictions={"restricted": True}) for n in range(count)]
    page[130] = resource(id="c130", provider="github")
    verdicts = list(engine.evaluate(page))
    assert len(verdicts) == 2 * count
    assert [(v.rule.id, v.resource.id) for v in verdicts if v.status is not Status.PASS] == [("unrestricted", "c130")]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "a": st.sampled_from([1, 2, "x", None, True]),
                "b": st.booleans(),
                "c": st.lists(st.integers(), max_size=2),
            },
        ),
        max_size=12,
    )
)
def test_a_page_gives_the_same_as_its_records_one_by_one(records):
    engine = Engine(
        [
            rule(id="p", require="credential.a == 1"),
            rule(id="q", when="has(credential.b)", require="credential.b"),
            rule(id="s", require="size(credential.c) > 0 || credential.b"),
        ],
        NOW,
    )
    page = [
        resource(**{**present(record, TYPES["registry-credential"]), "id": str(n)}) for n, record in enumerate(records)
    ]
    together = [(v.rule.id, v.resource.id, v.status) for v in engine.evaluate(page)]
    alone = [(v.rule.id, v.resource.id, v.status) for one in page for v in engine.evaluate([one])]
    assert together == alone


def test_a_failure_names_the_credential_and_shows_what_was_read():
    the_rule = rule(
        require="credential.restrictions.restricted && credential.p != ''",
        when="credential.provider != 'x'",
        message="{name} ({id}, {provider}, {team}) beyond {params.max}; {params.l}",
        params={"max": 3, "l": ["a", "b"]},
    )
    found = resource(team="t", name="N", provider="ecr", restrictions={"restricted": False})
    (result,) = evaluated(the_rule, found)
    assert result.message == "N (a, ecr, t) beyond 3; a, b"
    assert result.evidence == {"restrictions.restricted": False}
    assert result.resource.team == "t"


def test_what_is_absent_shows_as_a_question_mark():
    (result,) = evaluated(rule(require="false", message="{name}, {provider}, {team}"), resource())
    assert result.message == "?, ?, ?"


def test_an_unknown_says_what_is_missing_and_why():
    (result,) = evaluated(rule(require="credential.restrictions.restricted"), resource(name="N"))
    assert result.message == "N could not be evaluated: restrictions.restricted is not known (the API did not give it)"
    (result,) = evaluated(rule(require="credential.x == 1 || credential.y == 1"), resource(name="N"))
    assert result.message == "N could not be evaluated: x and y are not known (the API did not give it)"
    assert result.evidence == {}


def test_params_named_like_anything_reach_only_their_own_rule():
    engine = Engine(
        [
            rule(id="p", require="params.x == 1", params={"x": 1}),
            rule(id="q", require="params.x == 2", params={"x": 2}),
        ],
        NOW,
    )
    assert {v.status for v in engine.evaluate([resource(), resource(id="b")])} == {Status.PASS}


def test_the_fingerprint_depends_on_rule_team_and_resource_alone():
    prints = {
        fingerprint(rule, ("registry-credential", team, None, own))
        for rule, team, own in [("r", None, "a"), ("r", "t", "a"), ("q", None, "a"), ("r", None, "b")]
    }
    assert len(prints) == 4
    assert (
        fingerprint("r", ("registry-credential", None, None, "a")) == "94f40721fd687abf828549d5b02bdafd"
    )  # a change would make every finding new
    (one,) = evaluated(rule(require="false", severity="low"), resource(name="before"))
    (two,) = evaluated(rule(require="false", severity="high", title="other"), resource(name="after"))
    assert one.fingerprint == two.fingerprint


def test_a_waiver_is_carried_by_its_result():
    engine = Engine([rule(require="false")], NOW)
    waiver = Waiver(rule="r", resource="a", reason="x", owner="y", expires=dt.date(2027, 1, 1))
    result = engine.result(next(engine.evaluate([resource()])), waiver)
    assert (result.status, result.waiver, result.violates) == (Status.FAIL, waiver, False)


def of_account(the_rule, *resources, team=None, **account):
    engine = Engine([the_rule], NOW)
    return [engine.result(v) for v in engine.evaluate_account(Account(team=team, **account), resources)]


TWICE = rule(id="twice", require="!resources.exists(o, o.id != credential.id && o.x == credential.x)")
GONE = rule(id="gone", when="credential.r", require="credential.p.all(p, p in projects)")
MANY = rule(id="many", resource="account", require="size(resources) <= params.max", params={"max": 1},
            message="{name} ({id}, {team}) holds more than {params.max}")  # fmt: skip


def test_a_rule_sees_the_other_credentials_of_its_account():
    results = of_account(TWICE, resource(id="a", x=1), resource(id="b", x=2), resource(id="c", x=1))
    assert [each.status for each in results] == ["fail", "pass", "fail"]
    assert results[0].evidence == {"id": "a", "x": 1, "size(resources)": 3}


def test_a_rule_sees_the_projects_of_the_account():
    found = [resource(id="a", r=True, p=["x"]), resource(id="b", r=True, p=["x", "y"]), resource(id="c", r=False)]
    results = of_account(GONE, *found, projects=["x", "z"])
    assert [each.status for each in results] == ["pass", "fail", "notapplicable"]
    assert results[1].evidence == {"p": ["x", "y"], "size(projects)": 2}


def test_a_rule_about_accounts_has_one_result_and_the_account_as_its_resource():
    (own,) = of_account(MANY, resource(id="a"), resource(id="b"))
    assert (own.status, own.resource.type, own.resource.id, own.resource.name, own.resource.team) == (
        "fail", "account", "account", None, None,
    )  # fmt: skip
    assert own.message == "the account (account, ?) holds more than 1"
    assert own.evidence == {"size(resources)": 2}
    (team,) = of_account(MANY, resource(id="a"), resource(id="b"), team="t")
    assert (team.resource.id, team.resource.name, team.resource.team) == ("t", None, "t")
    assert team.message == "team t (t, t) holds more than 1"
    assert (
        own.fingerprint
        == fingerprint("many", ("account", None, None, "account"))
        != fingerprint("many", ("registry-credential", None, None, "account"))
    )
    assert [each.status for each in of_account(MANY)] == ["pass"]  # an account without any credential


def test_what_is_not_known_of_the_account_is_unknown_and_says_why():
    a = resource(id="a", name="A", x=1, r=True, p=["x"])
    cases = [
        (TWICE, "A could not be evaluated: not all registry credentials of team t are known (page 2: HTTP 500)"),
        (MANY, "team t could not be evaluated: not all registry credentials of team t are known (page 2: HTTP 500)"),
        (GONE, "A could not be evaluated: not all projects of team t are known (HTTP 403)"),
    ]
    for the_rule, said in cases:
        unknown = {"registry-credential": "page 2: HTTP 500", "project": "HTTP 403"}
        (result,) = of_account(the_rule, a, team="t", unknown=unknown)
        assert (result.status, result.message) == ("unknown", said)


def test_a_list_that_could_not_be_read_has_a_name_in_messages():
    unread = replace(resource(id="", name=None, team="t", detailed=False), shortfall="HTTP 403")
    (result,) = evaluated(rule(require="credential.x == 1"), unread)
    assert result.message == "all registry credentials of team t could not be evaluated: x is not known (HTTP 403)"


def test_what_is_missing_of_a_credential_is_said_of_the_one_that_lacks_it():
    lacking = replace(resource(id="b", detailed=False), shortfall="HTTP 403")
    a, b = of_account(TWICE, resource(id="a", name="A", x=1), lacking)
    assert a.message == "A could not be evaluated: x of another registry credential is not known (HTTP 403)"
    assert b.message == "b could not be evaluated: x is not known (HTTP 403)"
    (account,) = of_account(rule(resource="account", require="resources.all(o, o.x == 1)"), lacking)
    assert account.message == "the account could not be evaluated: x of a registry credential is not known (HTTP 403)"


def test_every_pair_has_one_verdict_wherever_it_is_evaluated():
    engine = Engine([TWICE, MANY, rule(id="plain", require="true"), GONE], NOW)
    found = [resource(id=str(n), x=n, r=False) for n in range(3)]
    verdicts = [*engine.evaluate(found), *engine.evaluate_account(Account(team=None), found)]
    pairs = [(each.rule.id, each.resource.type, each.resource.id) for each in verdicts]
    credentials = {(name, "registry-credential", each.id) for name in ("twice", "plain", "gone") for each in found}
    assert sorted(pairs) == sorted({*credentials, ("many", "account", "account")})


def test_more_credentials_than_the_engine_can_go_through_are_an_error_and_never_a_pass():
    found = [resource(id=str(n), x=n) for n in range(MOST_STEPS + 1)]
    results = of_account(TWICE, *found)
    assert {each.status for each in results} == {Status.ERROR}
    assert results[-1].message.endswith(
        "steps through lists or more, which one evaluation may not; the account has 10,001 registry credentials"
    )
    assert [each.status for each in of_account(MANY, *found)] == ["fail"]  # it goes through none


def test_a_record_that_takes_too_many_steps_is_the_only_error():
    long = ["x"] * MOST_STEPS
    found = [resource(id="a", r=True, p=["x"]), resource(id="b", r=True, p=long), resource(id="c", r=True, p=["x"])]
    assert [each.status for each in of_account(GONE, *found, projects=["x"])] == ["pass", "error", "pass"]


ALLOWED = rule(require="url(credential.registryUrl).host in ['allowed.com']")
AMONG = rule(require="!resources.exists(o, url(o.registryUrl).host != url(credential.registryUrl).host)")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("https://allowed.com/@evil.example", "pass"),
        ("https://evil.example/@allowed.com", "fail"),
        ("https://evil.example\\@allowed.com", "fail"),
        ("https://allowed.com:99999", "unknown"),
    ],
)
def test_an_address_is_parsed_in_every_way_of_evaluation_and_what_is_none_is_unknown(address, status):
    one, other = resource(id="a", registryUrl=address), resource(id="b", registryUrl="allowed.com")
    (alone,) = evaluated(ALLOWED, one)
    assert alone.status == status
    assert [each.status for each in evaluated(ALLOWED, one, other)] == [status, "pass"]
    assert of_account(AMONG, one, other)[0].status == status
    (step,) = [step for _, step in steps(ALLOWED, one, NOW, Account(team=None), [one])]
    assert step.outcome == {"pass": True, "fail": False}.get(status, Missing(NO_ADDRESS))
    if status == "unknown":
        assert (
            alone.message
            == of_account(AMONG, one)[0].message
            == "a could not be evaluated: the address can't be parsed"
        )


def test_a_rule_reads_the_field_whose_address_it_parses():
    (result,) = evaluated(ALLOWED, resource(registryUrl="https://h"))
    assert result.evidence == {"registryUrl": "https://h"}


LISTED = {"name": "A", "provider": "custom"}
"""A record of a list of 2026, less its id."""
ASKING = [
    "!has(credential.registryUrl)",
    "!('registryUrl' in credential)",
    "size(credential) == 3",
    "credential != {'id': 'a', 'name': 'A'}",
    "!has(credential.restrictions)",
]


@pytest.mark.parametrize("source", ASKING)
@pytest.mark.parametrize("key", ["when", "require"])
def test_a_field_that_the_list_may_leave_out_is_unknown_until_the_detail_was_read(source, key):
    the_rule = rule(**{"require": "true", key: source})
    (terse,) = evaluated(the_rule, resource(detailed=False, **LISTED))
    assert (terse.status, terse.resource.id) == ("unknown", "a")
    engine = Engine([the_rule], NOW)
    assert next(engine.evaluate([resource(detailed=False, **LISTED)])).lacks_data
    assert [each.status for each in evaluated(the_rule, resource(**LISTED))] == ["pass"]


def test_what_a_list_of_2024_leaves_out_is_absent_and_what_is_there_is_there():
    whole = resource(detailed=False, description="", restrictions={"restricted": True, "projects": []}, **LISTED)
    assert [each.status for each in evaluated(rule(require="!has(credential.registryUrl)"), whole)] == ["pass"]
    given = resource(detailed=False, registryUrl="https://h", **LISTED)
    assert [each.status for each in evaluated(rule(require="has(credential.registryUrl)"), given)] == ["pass"]
    assert [each.status for each in evaluated(rule(require="has(credential.x) || credential.name == 'A'"), given)] == [
        "pass"
    ]


def test_what_may_be_left_out_of_another_credential_is_unknown_too():
    alone = rule(require="!resources.exists(o, o.id != credential.id && has(o.registryUrl))")
    a, b = resource(id="a", **LISTED), replace(resource(id="b", detailed=False, **LISTED), shortfall="HTTP 403")
    first, second = of_account(alone, a, b)
    assert (first.status, second.status) == ("unknown", "unknown")
    assert (
        first.message == "A could not be evaluated: registryUrl of another registry credential is not known (HTTP 403)"
    )
    about = rule(resource="account", require="!resources.exists(o, has(o.registryUrl))")
    assert [each.status for each in of_account(about, a, b)] == ["unknown"]
    assert [each.status for each in of_account(about, a)] == ["pass"]


ODD = [
    ({"provider": {"type": "legacy"}}, "provider", "a map where it documents text"),
    ({"provider": 5}, "provider", "a number where it documents text"),
    ({"provider": "Legacy"}, "provider", "'Legacy' where it documents 'legacy'"),
    ({"provider": " legacy"}, "provider", "' legacy' where it documents 'legacy'"),
    ({"restrictions": {"projects": "web"}}, "restrictions.projects", "text where it documents a list"),
    ({"restrictions": {"projects": [None]}}, "restrictions.projects", "null in a list where it documents text"),
    ({"restrictions": []}, "restrictions.restricted", "a list where it documents a map"),
    ({"restrictions": {"restricted": "no"}}, "restrictions.restricted", "text where it documents true or false"),
    ({"restrictions": {"restricted": 0}}, "restrictions.restricted", "a number where it documents true or false"),
    ({"updatedAt": "2026-01-02T00:00:01Z"}, "updatedAt", "a time more than 24 hours ahead"),
    ({"updatedAt": "2099-01-01T00:00:00Z"}, "updatedAt", "a time more than 24 hours ahead"),
    ({"updatedAt": "yesterday"}, "updatedAt", "text where it documents a date-time"),
    ({"updatedAt": 1767225600}, "updatedAt", "a number where it documents a date-time"),
    ({"updatedAt": "2025-12-31T00:00:00"}, "updatedAt", "a date-time without a zone"),
]
READING = {
    "provider": ["credential.provider != 'legacy'", "has(credential.provider)"],
    "restrictions.projects": ["size(credential.restrictions.projects) > 0"],
    "restrictions.restricted": ["credential.restrictions.restricted != false"],
    "updatedAt": ["timestamp(credential.updatedAt) > timestamp('2020-01-01T00:00:00Z')"],
}


@pytest.mark.parametrize(("record", "field", "why"), ODD)
def test_a_value_of_another_kind_than_documented_is_unknown_to_rules_that_read_it_and_to_no_other(record, field, why):
    sound = resource(id="b", provider="ecr", restrictions={"restricted": True, "projects": ["p"]},
                     updatedAt="2026-01-02T00:00:00Z")  # fmt: skip
    odd = resource(id="a", name="A", **record)
    for source in READING[field]:
        rules = [rule(id="reads", require=source), rule(id="other", require="credential.name == 'A'")]
        engine = Engine(rules, NOW)
        found = [
            engine.result(each) for each in engine.evaluate([odd, replace(sound, record={**sound.record, "name": "B"})])
        ]
        assert [each.status for each in found] == ["unknown", "pass", "pass", "fail"]
        assert found[0].message == f"A could not be evaluated: {field} is not known (the API gave {why})"


def test_a_provider_that_is_not_documented_is_data():
    assert [
        each.status for each in evaluated(rule(require="credential.provider == 'quay'"), resource(provider="quay"))
    ] == ["pass"]


def test_a_value_of_another_kind_is_unknown_to_rules_about_the_whole_account():
    a, b = resource(id="a", name="A", provider="ecr"), resource(id="b", name="B", provider=5)
    other = rule(require="!resources.exists(o, o.id != credential.id && o.provider == credential.provider)")
    whole = rule(resource="account", require="resources.all(o, o.provider != 'legacy')")
    why = "the API gave a number where it documents text"
    assert [(each.status, each.message) for each in of_account(other, a, b)] == [
        ("unknown", f"A could not be evaluated: provider of another registry credential is not known ({why})"),
        ("unknown", f"B could not be evaluated: provider is not known ({why})"),
    ]
    assert [each.status for each in of_account(whole, a, b)] == ["unknown"]
    named = rule(require="resources.all(o, o.name != '')")
    assert [each.status for each in of_account(named, a, b)] == ["pass", "pass"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "provider": st.sampled_from(["ecr", "Ecr", "quay", 5, None]),
                "restrictions": st.sampled_from([{"restricted": True, "projects": []}, {"restricted": "x"}, [], {}]),
                "registryUrl": st.sampled_from(["https://h", "https://h:x", 7]),
                "createdAt": st.sampled_from(["2025-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "x"]),
            },
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_records_in_doubt_give_the_same_on_a_page_as_one_by_one_and_among_others(records, detailed):
    sources = [
        "credential.provider == 'ecr'",
        "has(credential.registryUrl) ? url(credential.registryUrl).host == 'h' : true",
        "credential.restrictions.restricted",
        "has(credential.createdAt) || 'provider' in credential",
    ]
    rules = [rule(id=f"r{n}", require=source) for n, source in enumerate(sources)]
    among = [replace(each, require=f"size(resources) > 0 && ({each.require}\n)") for each in rules]
    page = [
        resource(id=f"c{n}", detailed=detailed, **present(record, TYPES["registry-credential"]))
        for n, record in enumerate(records)
    ]
    engine = Engine(rules, NOW)
    together = [(v.rule.id, v.resource.id, v.status) for v in engine.evaluate(page)]
    assert together == [(v.rule.id, v.resource.id, v.status) for one in page for v in engine.evaluate([one])]
    whole = Engine(among, NOW).evaluate_account(Account(team=None), page)
    assert sorted(together) == sorted((v.rule.id, v.resource.id, v.status) for v in whole)


def test_the_evidence_of_a_rule_that_does_not_apply_is_what_its_condition_read():
    the_rule = rule(when="credential.provider == 'ecr'", require="credential.name == 'A'")
    (result,) = evaluated(the_rule, resource(name="A", provider="github"))
    assert (result.status, result.evidence) == ("notapplicable", {"provider": "github"})
    (result,) = evaluated(the_rule, resource(name="A", provider="ecr"))
    assert (result.status, result.evidence) == ("pass", {"name": "A"})


def test_the_evidence_of_a_rule_over_the_whole_record_is_the_whole_record():
    (result,) = evaluated(rule(require="credential.exists(key, key == 'x')"), resource(name="A"))
    assert (result.status, result.evidence) == ("fail", {"id": "a", "name": "A"})
