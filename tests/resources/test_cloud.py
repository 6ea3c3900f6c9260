"""Policies of workload identities are in one form, however AWS lets them be written; log settings keep no key."""

import pytest

from northflank_audit.resources import TYPES
from northflank_audit.resources.decode import part_record


def policy(document):
    item = {"id": "a", "spec": {"provider": {"type": "aws", "policyDocument": document}}}
    return part_record(TYPES["workload-identity"].listing, item)["spec"]["provider"].get("policyDocument")


def test_one_statement_action_or_resource_is_a_list_of_it():
    alone = {"Sid": "x", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    listed = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"], "hasCondition": False}
    assert policy({"Version": "2012-10-17", "Statement": alone}) == {"Statement": [listed]}
    assert policy({"Statement": [alone, listed]}) == {"Statement": [listed, listed]}


def test_a_condition_is_known_and_not_kept():
    found = policy({"Statement": {"Effect": "Deny", "NotAction": "iam:*", "Condition": {"Bool": {"a": "b"}}}})
    assert found == {"Statement": [{"Effect": "Deny", "NotAction": ["iam:*"], "hasCondition": True}]}


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, {"Statement": None}, {"Statement": "x"}, {"Statement": [3]}])
def test_a_policy_of_another_kind_is_no_crash_and_no_empty_policy(odd):
    assert policy(odd) != {"Statement": []}


@pytest.mark.parametrize("item", [{"spec": 5}, {"spec": {"provider": 5}}, {"spec": {"provider": None}}, {}])
def test_an_identity_of_another_kind_is_no_crash(item):
    assert part_record(TYPES["workload-identity"].listing, {"id": "a", **item})["id"] == "a"


def test_a_region_is_known_though_logs_are_kept_in_the_same():
    loki = {"s3Region": "eu-central-1", "s3AccessKey": "planted-Zq7x9Lm2", "s3SecretKey": "planted-Ab3c5De7"}
    item = {
        "id": "a",
        "region": "eu-central-1",
        "description": "was planted-Zq7x9Lm2, planted-Ab3c5De7",
        "settings": {"logging": {"mode": "loki", "loki": loki}},
    }
    found = part_record(TYPES["cluster"].listing, item)
    assert (found["region"], found["settings"]) == ("eu-central-1", {"logging": {"mode": "loki"}})
    assert "planted" not in str(found)
