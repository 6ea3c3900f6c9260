"""What the sample account is for: each bundled rule finds something in it, and finds something in order."""

from collections import defaultdict

import pytest

from northflank_audit.config.policy import packs, read_rules
from northflank_audit.emulator import load
from northflank_audit.model import Account
from northflank_audit.policy.engine import Engine
from northflank_audit.resources import TYPES, Scope
from tests.sampled import NOW, resources

SAMPLE = load(None, NOW)
RULES = {
    rule.id: rule
    for name in packs()
    for rule in read_rules([f"pack:{name}"]).checked()
    if rule.resource not in ("registry-credential", "account") and not rule.unset
}


@pytest.fixture(scope="module")
def statuses():
    engine, found = Engine(list(RULES.values()), NOW), defaultdict(set)
    for team, account in ((None, SAMPLE.own), *SAMPLE.teams.items()):
        everything = list(resources(team, SAMPLE))
        whole = Account(team=team, projects=[each["id"] for each in account.projects])
        for verdict in (*engine.evaluate(everything), *engine.evaluate_account(whole, everything)):
            found[verdict.rule.id].add(verdict.status.value)
    return found


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_passes_and_fails_somewhere(rule, statuses):
    if statuses[rule] == {"notapplicable"}:
        assert any(value in ([], "") for value in RULES[rule].params.values()), "only a rule that is not configured"
    elif TYPES[RULES[rule].resource].scope is Scope.TOKEN:
        assert statuses[rule] in ({"pass"}, {"fail"}), "there is one token of the audit"
    else:
        assert statuses[rule] >= {"pass", "fail"}
        assert "error" not in statuses[rule]


def test_every_type_is_there_in_the_tokens_own_account_and_in_a_team():
    listed = {name: kind.scope for name, kind in TYPES.items() if kind.listing}
    found = {each.type for each in resources(None, SAMPLE)}
    assert found == listed.keys()
    of_team = {name for name, scope in listed.items() if scope not in (Scope.ORGANISATION, Scope.TOKEN)}
    assert {each.type for each in resources("payments", SAMPLE)} >= of_team - {"load-balancer", "volume"}


def test_identities_are_unique_though_ids_are_not():
    everything = [each for team in (None, *SAMPLE.teams) for each in resources(team, SAMPLE)]
    assert len({each.identity for each in everything}) == len(everything)
    assert len({(each.type, each.id) for each in everything}) < len(everything)


def test_it_is_as_large_as_a_real_company_s():
    own = [each.type for each in resources(None, SAMPLE)]
    assert own.count("project") >= 3
    assert own.count("service") >= 14
    assert own.count("addon") >= 5
    assert len(own) >= 150
