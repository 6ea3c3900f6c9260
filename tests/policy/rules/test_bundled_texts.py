"""The bundled rules say what is wrong in the reader's words."""

import re

from northflank_audit.config.policy import read_rules
from northflank_audit.policy.reasons import filled
from northflank_audit.resources import TYPES
from tests.conftest import resource, rule


def test_every_bundled_rule_says_what_is_wrong_and_quotes_names():
    for each in read_rules(["pack:everything"]).checked():
        assert each.finding and each.finding != each.title, each.id
        unquoted = re.sub(r"'\{[\w.]+\}'", "", each.message)
        if TYPES[each.resource].listing is not None:  # an account has no name; it is "the account" or "team payments"
            assert "{name}" not in unquoted, each.id


def test_a_name_is_inserted_as_it_is_and_sizes_and_fields_by_their_paths():
    message = "'{name}' {aws.region} {restrictions.projects.size} {gcp.projectId} {params.allowed}"
    made = rule(message=message, require="credential.name in params.allowed", params={"allowed": ["a", "b"]})
    record = {"name": "Ann's", "aws": {"region": "eu"}, "restrictions": {"projects": ["x", "y"]}}
    assert filled(made, resource(**record)) == "'Ann's' eu 2 ? a, b"
