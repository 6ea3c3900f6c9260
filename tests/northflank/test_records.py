import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.northflank.records import SECRET_KEYS, listed, merged

DETAIL = {
    "id": "a",
    "name": "A",
    "provider": "ecr",
    "restrictions": {"restricted": True, "projects": ["p"], "more": 1},
    "credentials": {
        "username": "SECRET-u",
        "password": "SECRET-p",
        "scope": {"pull": True, "push": False, "key": "SECRET-k"},
    },
    "auths": {"https://x": {"auth": "SECRET-a"}},
    "tomorrow": "SECRET-t",
    "registryUrl": "https://u:SECRET-w@r.example.com/v2",
    "aws": {"region": "eu", "secretAccessKey": "SECRET-s"},
    "gcp": "SECRET-g",
    "name2": None,
    "createdAt": {"x": "SECRET-c"},
    "registryCredentialRefresh": {"status": "healthy", "error": {"type": "t", "message": "m", "trace": "SECRET-e"}},
}


def test_of_a_detail_only_known_fields_without_secrets_are_kept():
    record = merged({"id": "a", "own": 1, "aws": {"region": "old", "account": "12"}}, DETAIL)
    assert "SECRET" not in json.dumps(record)
    assert record == {
        "id": "a",
        "own": 1,
        "name": "A",
        "provider": "ecr",
        "restrictions": {"restricted": True, "projects": ["p"]},
        "credentials": {"scope": {"pull": True, "push": False}},
        "registryUrl": "https://r.example.com/v2",
        "aws": {"region": "eu", "account": "12"},
        "registryCredentialRefresh": {"status": "healthy", "error": {"type": "t", "message": "m"}},
    }


def test_that_there_are_credentials_stays_known_where_all_in_them_is_secret():
    assert merged({"id": "a"}, {"id": "a", "credentials": {"username": "u", "password": "p"}}) == {
        "id": "a",
        "credentials": {},
    }


@pytest.mark.parametrize(
    "address", ["https://u:SECRET@h/v2", "u:SECRET@h/v2", "https://u:SEC/RET@h/v2", "HTTPS://SECRET@x@h/v2"]
)
def test_no_password_stays_in_an_address(address):
    assert listed({"registryUrl": address})["registryUrl"].lower() in ("https://h/v2", "h/v2")
    assert "SECRET" not in listed({"note": "see https://u:SECRET@h/x"})["note"]


def test_a_list_keeps_unknown_fields_and_drops_nulls_and_secrets():
    item = {
        "id": "a",
        "new": {"field": [1, None, {"x": None}]},
        "provider": None,
        "Auths": {"x": 1},
        "k": [{"password": "p"}],
    }
    assert listed(item) == {"id": "a", "new": {"field": [1, None, {}]}, "k": [{}]}


values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["", "x", "https://u:p@h"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "Password", "auths", "credentials", "USERNAME", "token"]), inner, max_size=4
        )
    ),
)


@given(st.dictionaries(st.sampled_from(["id", "auths", "credentials", "x"]), values))
def test_no_secret_key_stays_at_any_depth(item):
    def keys(value):
        if isinstance(value, dict):
            yield from value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from keys(inner)

    assert not {key.lower() for key in keys(listed(item))} & SECRET_KEYS
