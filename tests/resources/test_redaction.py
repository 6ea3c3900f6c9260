import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.resources import TYPES, decode
from northflank_audit.resources.redaction import SECRET_KEYS

REGISTRY = TYPES["registry-credential"]


def listed(item):
    return decode.listed(REGISTRY, item)


def merged(record, detail):
    return decode.completed(REGISTRY, REGISTRY.part("detail"), record, detail)


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
        "credentials": {"scope": {"pull": True, "push": False}, "stored": True},
        "urlHasUser": True,
        "registryUrl": "https://r.example.com/v2",
        "aws": {"region": "eu", "account": "12"},
        "gcp": "***",
        "createdAt": {},
        "registryCredentialRefresh": {"status": "healthy", "error": {"type": "t", "message": "m"}},
    }


def test_that_there_are_credentials_stays_known_where_all_in_them_is_secret():
    assert merged({"id": "a"}, {"id": "a", "credentials": {"username": "u", "password": "p"}}) == {
        "id": "a",
        "credentials": {"stored": True},
    }


@pytest.mark.parametrize(
    "address", ["https://u:SECRET@h/v2", "u:SECRET@h/v2", "https://u:SEC/RET@h/v2", "HTTPS://SECRET@x@h/v2"]
)
def test_no_password_stays_in_an_address(address):
    assert listed({"registryUrl": address})["registryUrl"].lower() in ("https://h/v2", "h/v2", "https://[…]h/v2")
    assert "SECRET" not in listed({"note": "see https://u:SECRET@h/x"})["note"]


PASSWORD = "p4ss=w/rd+x y"
REPEATED = [PASSWORD, "p4ss%3dw%2Frd+x%20y", quote(PASSWORD, safe=""), quote_plus(PASSWORD)]


@pytest.mark.parametrize("spelled", REPEATED)
@pytest.mark.parametrize(
    "secret",
    [
        {"credentials": {"password": PASSWORD}},
        {"auths": {"r.example.com": {"auth": base64.b64encode(f"u:{PASSWORD}".encode()).decode()}}},
        {"aws": {"secretAccessKey": PASSWORD}},
        {"restrictions": {"projects": [{"apiKey": PASSWORD}]}},
        {"tokens": 3, "identityToken": PASSWORD},
    ],
    ids=["password", "auth", "key", "item", "token"],
)
def test_what_repeats_a_secret_of_the_record_in_free_text_is_masked(secret, spelled):
    texts = {
        "name": f"was {spelled}",
        "description": f"x{spelled}x",
        "registryUrl": f"https://r.example.com/v2?token={spelled}&a=b",
        "registryCredentialRefresh": {"status": "retrying", "error": {"message": f"401: {spelled}"}},
    }
    shown = {
        "name": "was ***",
        "description": "x***x",
        "registryUrl": "https://r.example.com/v2?token=***&a=b",
        "registryCredentialRefresh": {"status": "retrying", "error": {"message": "401: ***"}},
    }
    for record in (listed(texts | secret), merged(listed(texts), secret), merged({}, texts | secret)):
        assert {key: record[key] for key in texts} == shown
        assert PASSWORD not in json.dumps(record)


def test_a_user_name_is_masked_as_a_word_and_only_where_text_is_free():
    secret = {"credentials": {"username": "robot-1", "password": "legacy"}}
    given = {
        "id": "robot-1",
        "name": "robot-1 of robot-12",
        "provider": "legacy",
        "aws": {"region": "robot-1"},
        "restrictions": {"restricted": True, "projects": ["robot-1", "legacy"]},
        "registryCredentialRefresh": {"status": "legacy", "error": {"message": "robot%2D1: legacy"}},
    }
    assert merged(given, secret) == {
        **given,
        "name": "*** of robot-12",
        "registryCredentialRefresh": {"status": "legacy", "error": {"message": "***: ***"}},
        "credentials": {"stored": True},
    }


def test_a_user_name_masks_no_host_that_is_called_the_same():
    given = {"registryUrl": "https://registry.gitlab.com:5050/gitlab?as=gitlab"}
    assert merged(given, {"credentials": {"username": "gitlab"}})["registryUrl"] == (
        "https://registry.gitlab.com:5050/***?as=***"
    )


def test_a_short_user_name_is_no_reason_to_mask_its_word():
    given = {"id": "a", "name": "AWS prod", "provider": "ecr"}
    assert merged(given, {"credentials": {"username": "AWS", "password": "x"}})["name"] == "AWS prod"


def test_what_an_address_shows_of_a_user_is_masked_elsewhere():
    record = listed({"registryUrl": "https://me:p%40ssword@r.example.com", "note": "ask me for p@ssword"})
    assert record == {"registryUrl": "https://r.example.com", "urlHasUser": True, "note": "ask me for ***"}


def test_what_a_docker_config_says_besides_its_secrets_masks_nothing():
    auths = {"https://r.example.com": {"serveraddress": "https://r.example.com", "auth": "no pair"}}
    record = listed({"registryUrl": "https://r.example.com", "auths": auths})
    assert record == {"registryUrl": "https://r.example.com", "urlHasUser": False}


def test_of_a_detail_lists_are_kept_by_the_kind_of_their_items():
    """What is of another kind leaves a shell, by which rules can tell that it was there."""
    detail = {
        "name": ["SECRET"],
        "provider": {"type": "SECRET"},
        "restrictions": {"projects": ["p", None, {"key": "SECRET"}, ["SECRET"]]},
        "gcp": ["SECRET"],
    }
    assert merged({"provider": "github"}, detail) == {
        "name": [],
        "provider": {},
        "restrictions": {"projects": ["p", None, {}, []]},
        "gcp": [],
        "credentials": {"stored": False},
    }


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
