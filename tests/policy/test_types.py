"""Rules about every declared type: what they read, and what they make of what is missing."""

import datetime as dt

import pytest
from msgspec.structs import replace

from northflank_audit.model import Account, Resource, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.rule_reads import needs
from northflank_audit.policy.rules.rulebook import load
from northflank_audit.resources import TYPES

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def rule(resource, require, when=None, message=None, **params):
    lines = [f"  - id: r\n    title: T\n    severity: low\n    resource: {resource}\n    require: {require!r}"]
    lines += [f"    when: {when!r}"] if when else []
    lines += [f"    message: {message!r}"] if message else []
    lines += [f"    params: {params}"] if params else []
    (found,) = load([("r.yaml", "rules:\n" + "\n".join(lines))])
    return found


def of(kind, identity="a", project=None, parts=("list",), shortfall=None, **record):
    record = {TYPES[kind].id: identity, **record}
    return Resource(
        type=kind, id=identity, name=record.get("name"), team=None, project=project, record=record,
        parts=frozenset(parts), shortfall=shortfall,
    )  # fmt: skip


def verdicts(the_rule, *resources, absent="unknown", **account):
    engine = Engine([the_rule], NOW, absent)
    if engine.account_scoped:
        return list(engine.evaluate_account(Account(team=None, **account), resources))
    return list(engine.evaluate(resources))


WHOLE = tuple(part.name for part in TYPES["addon"].sources)


def test_a_rule_is_about_its_own_type_and_no_other():
    the_rule = rule("addon", "addon.spec.type == 'redis'")
    found = verdicts(
        the_rule, of("addon", spec={"type": "redis"}), of("service", "s"), of("addon", "b", spec={"type": "x"})
    )
    assert [(each.resource.id, each.status) for each in found] == [("a", "pass"), ("b", "fail")]


def test_one_id_in_two_projects_is_two_resources():
    the_rule = rule("secret-group", "secret_group.type == 'secret'")
    one, other = of("secret-group", project="p", type="secret"), of("secret-group", project="q", type="config")
    engine = Engine([the_rule], NOW)
    results = [engine.result(each) for each in engine.evaluate([one, other])]
    assert [(each.resource.project, each.status) for each in results] == [("p", "pass"), ("q", "fail")]
    assert results[0].fingerprint != results[1].fingerprint


def test_only_what_rules_read_is_needed():
    assert needs([rule("addon", "addon.name != ''")]).parts["addon"].keys() == {"list"}
    found = needs([rule("addon", "addon.backupSchedules.exists(s, s.retentionTime > 3)")])
    assert found.parts["addon"].keys() == {"list", "backupSchedules"}
    assert found.parts["project"].keys() == {"list"}  # an addon is found in its project
    wide = needs([rule("load-balancer", "account.addons.exists(a, a.spec.config.networking.tlsEnabled)")])
    assert wide.parts["addon"].keys() == {"list", "detail"}
    assert "account" not in wide.parts


def test_personal_fields_are_needed_where_a_rule_reads_them():
    assert needs([rule("api-token", "api_token.creatorEmail != ''")]).personal == {"api-token": {"creatorEmail"}}
    assert needs([rule("api-token", "api_token.name != ''")]).personal == {}


def test_a_field_of_a_part_that_was_not_read_is_unknown_to_has_too_and_says_which_part_it_wants():
    for require in ("has(addon.spec.config.versionTag)", "addon.spec.config.versionTag == '1'"):
        (found,) = verdicts(rule("addon", require), of("addon", spec={"type": "redis"}))
        assert (found.status, found.wants) == (Status.UNKNOWN, {"detail"})
    (found,) = verdicts(
        rule("addon", "has(addon.spec.config.versionTag)"), of("addon", parts=WHOLE, spec={"config": {}})
    )
    assert (found.status, found.wants) == (Status.FAIL, frozenset())


OF_THE_WHOLE = [
    ("addon", "addon.spec.all(k, k != 'config')"),
    ("addon", "[addon.spec].all(s, !('config' in s))"),
    ("addon", "cel.bind(b, addon.spec, !('config' in b))"),
    ("addon", "addon.spec == {'type': 'postgresql'}"),
    ("addon", "size(addon.spec) == 1"),
    ("addon", "!('backupSchedules' in dyn(addon))"),
    ("account", "account.addons.all(a, !('config' in a.spec))"),
    ("account", "account.addons.all(a, a.spec == {'type': 'postgresql'})"),
    ("account", "account.addons.all(a, size(a.spec) == 1)"),
    ("account", "account.addons.all(a, a.spec.all(k, k != 'config'))"),
    ("account", "account.addons.all(a, size(a) <= 3)"),
    ("account", "account.addons.all(a, !('backupSchedules' in dyn(a)))"),
    ("account", "account.addons.all(a, !('backupSchedules' in (true ? a : {})))"),
    ("account", "!('backupSchedules' in account.addons[0])"),
    ("account", "account.addons.map(a, {'r': a}).all(m, !('backupSchedules' in m.r))"),
    ("account", "account.addons == [{'id': 'a', 'name': 'n', 'spec': {'type': 'postgresql'}}]"),
    ("account", "{'id': 'a', 'name': 'n', 'spec': {'type': 'postgresql'}} in account.addons"),
]
"""Expressions that hold of what the list gives, and not of what the detail and the backup schedules add."""


@pytest.mark.parametrize(("kind", "require"), OF_THE_WHOLE)
def test_what_looks_at_a_map_as_a_whole_is_unknown_until_everything_was_read_and_asks_for_it(kind, require):
    the_rule, record = rule(kind, require), {"id": "a", "name": "n", "spec": {"type": "postgresql"}}
    part = "backupSchedules" if "backupSchedules" in require else "detail"
    assert part in needs([the_rule]).parts["addon"]
    (found,) = verdicts(the_rule, of("addon", **record))
    assert found.status == Status.UNKNOWN
    whole = record | {"spec": {"type": "postgresql", "config": {}}, "backupSchedules": [{"id": "s"}]}
    (found,) = verdicts(the_rule, of("addon", parts=WHOLE, **whole))
    assert found.status == Status.FAIL


@pytest.mark.parametrize(
    "require",
    [
        "account.addons.all(a, a.spec.type == params.type)",
        "'a' in account.addons.map(a, a.id)",
        "account.addons.filter(a, a.spec.type == 'redis') == []",
        "account.addons.size() == 1",
        "account.volumes.all(v, account.addons.exists(a, a.id == v.name))",
    ],
)
def test_what_looks_at_documented_values_alone_needs_the_list_alone(require):
    the_rule = rule("account", require, **({"type": "postgresql"} if "params" in require else {}))
    assert needs([the_rule]).parts["addon"].keys() == {"list"}
    (found,) = verdicts(the_rule, of("addon", spec={"type": "postgresql"}))
    assert found.status == Status.PASS


def test_a_field_that_the_list_gives_is_settled_by_the_list():
    (found,) = verdicts(rule("addon", "has(addon.description)"), of("addon"))
    assert (found.status, found.wants) == (Status.FAIL, frozenset())


def test_null_is_a_value_where_it_means_something():
    the_rule = rule("api-token", "api_token.expiresAt != null")
    found = verdicts(
        the_rule,
        of("api-token", expiresAt=None),
        of("api-token", "b", expiresAt="2027-01-01T00:00:00Z"),
        of("api-token", "c"),
    )
    assert [each.status for each in found] == ["fail", "pass", "unknown"]


def test_a_time_that_is_meant_to_lie_ahead_may_and_no_other():
    (ahead,) = verdicts(
        rule("api-token", "timestamp(api_token.expiresAt) > now"), of("api-token", expiresAt="2027-01-01T00:00:00Z")
    )
    (odd,) = verdicts(
        rule("api-token", "timestamp(api_token.createdAt) < now"), of("api-token", createdAt="2027-01-01T00:00:00Z")
    )
    assert (ahead.status, odd.status) == ("pass", "unknown")


@pytest.mark.parametrize("ports", ["x", [1], [{"public": "yes"}], [{"name": 3, "public": True}], {"a": 1}])
def test_a_value_of_another_kind_inside_a_list_is_unknown(ports):
    the_rule = rule("service", "service.ports.all(p, p.public && p.name != '')")
    engine = Engine([the_rule], NOW)
    result = engine.result(next(engine.evaluate([of("service", parts=("list", "detail"), ports=ports)])))
    assert result.status == "unknown"
    assert "where it documents" in result.message


def test_lists_of_other_types_are_below_account_and_one_that_is_not_whole_is_not_there():
    the_rule = rule("load-balancer", "account.addons.exists(a, a.name == load_balancer.name)")
    balancer = of("load-balancer", name="x")
    assert verdicts(the_rule, balancer, of("addon", name="x"))[0].status == "pass"
    assert verdicts(the_rule, balancer, of("addon", name="y"))[0].status == "fail"
    assert verdicts(the_rule, balancer)[0].status == "fail"
    for require in ("account.addons.exists(a, a.name == 'x')", "has(account.addons)", "size(account.addons) > 0"):
        (found,) = verdicts(rule("load-balancer", require), balancer, unknown={"addon": "HTTP 403"})
        assert found.status == "unknown"
        assert found.reason == "not all addons of the account are known (HTTP 403)"


def test_a_rule_about_the_account_counts_what_is_below_it():
    the_rule = rule("account", "size(account.api_tokens) <= params.max", max=1)
    found = verdicts(the_rule, of("api-token"), of("api-token", "b"))
    assert [(each.resource.type, each.status, each.seen) for each in found] == [
        ("account", "fail", {"account.api_tokens": 2})
    ]


def test_parts_of_other_records_are_wanted_where_they_may_settle_a_verdict():
    the_rule = rule("load-balancer", "account.addons.all(a, a.spec.config.networking.tlsEnabled)")
    read = {"config": {"networking": {"tlsEnabled": True}}}
    resources = [
        of("load-balancer"),
        of("addon", "x", project="p"),
        of("addon", "y", project="p", parts=WHOLE, spec=read),
    ]
    engine = Engine([the_rule], NOW)
    found = list(engine.evaluate_account(Account(team=None), resources))
    assert engine.needed_parts(found, resources) == {("addon", None, "p", "x"): {"detail"}}


def test_what_could_not_be_read_gives_one_unknown_verdict_for_each_rule_about_it():
    gap = replace(of("addon", "", project="p"), shortfall="list of addons: HTTP 403")
    engine = Engine([rule("addon", "addon.name != ''"), replace(rule("service", "service.name != ''"), id="s")], NOW)
    (result,) = map(engine.result, engine.unread(gap))
    assert (result.rule_id, result.status, result.resource.id, result.resource.project) == ("r", "unknown", None, "p")
    assert "HTTP 403" in result.message


def test_messages_name_any_field_and_the_size_of_a_list():
    the_rule = rule(
        "addon",
        "false",
        message="{name} {spec.type} {tags.size} {spec.config.versionTag} {project} {params.x}",
        x=[1, 2],
    )
    engine = Engine([the_rule], NOW)
    (verdict,) = engine.evaluate([of("addon", project="p", name="N", spec={"type": "redis"}, tags=["a", "b"])])
    assert engine.result(verdict).message == "N redis 2 ? p 1, 2"


@pytest.mark.parametrize(
    ("absent", "own", "status"),
    [
        ("unknown", None, "unknown"),
        ("notapplicable", None, "notapplicable"),
        ("violating", None, "fail"),
        ("violating", "notapplicable", "notapplicable"),
        ("notapplicable", "unknown", "unknown"),
    ],
)
def test_what_absence_means_is_an_option_and_a_rules_own_parameter_beats_it(absent, own, status):
    the_rule = rule("domain", "domain.options.tlsMode == 'default'", **({"absent": own} if own else {}))
    (found,) = verdicts(the_rule, of("domain", options={}), absent=absent)
    assert found.status == status


def test_absence_means_nothing_as_long_as_a_part_was_not_read_or_failed_or_what_came_was_odd():
    the_rule = rule("addon", "addon.spec.config.versionTag != ''")
    asked = [
        of("addon", spec={"type": "x"}),
        of("addon", "b", spec={"type": "x"}, shortfall="HTTP 403"),
        of("addon", "c", parts=WHOLE, spec={"config": {"versionTag": 3}}),
    ]
    assert {each.status for each in verdicts(the_rule, *asked, absent="violating")} == {Status.UNKNOWN}


@pytest.mark.parametrize(
    ("resource", "require", "others"),
    [
        ("volume", "account.addons.all(a, timestamp(a.createdAt) > now)", [of("addon")]),
        ("project", "account.addons.size() > 3", []),
        ("project", "account.services.all(s, s.ports.all(p, p.public))", [of("service")]),
    ],
)
def test_what_was_not_read_of_other_lists_is_no_field_that_the_api_left_out(resource, require, others):
    the_rule = rule(resource, require)
    (found,) = verdicts(
        the_rule, of(resource, parts=("list", "detail")), *others, absent="notapplicable", unknown={"addon": "HTTP 403"}
    )
    assert found.status is Status.UNKNOWN


def test_absence_of_an_own_field_means_the_same_where_a_rule_reads_other_lists():
    the_rule = rule("load-balancer", "load_balancer.spec.visibility == 'private' || size(account.addons) > 9")
    (found,) = verdicts(the_rule, of("load-balancer", spec={}), absent="notapplicable")
    assert found.status is Status.NOTAPPLICABLE


def test_an_unknown_resource_type_or_field_in_a_message_is_a_mistake():
    with pytest.raises(Exception, match="unknown resource type 'addn' \\(did you mean 'addon'"):
        rule("addn", "true")
    with pytest.raises(Exception, match="message: unknown field {provider}"):
        rule("addon", "addon.name != ''", message="{provider}")
