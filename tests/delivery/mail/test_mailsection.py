"""The section `email:`, and what its JSON Schema says of it: an editor and an audit are of one mind."""

import json

import pytest
from jsonschema import Draft202012Validator

from northflank_audit import mailsection
from northflank_audit.policy.yamlfile import Document
from northflank_audit.schemas import SCHEMAS

SCHEMA = Draft202012Validator(SCHEMAS["config"]())
ANYTHING = [None, True, 0, 1, 25, 65535, 65536, 10**30, -1, 2.5, "", "x", "none", "a@example.com", [], [""], ["a@example.com"], [None], [[]], {}, {"x": 1}]  # fmt: skip
SERVER = {"host": "h", "username": "u", "password-env": "P"}


def sections():
    """Yield sections with one thing changed, and what."""
    yield from (("the section", value) for value in ANYTHING)
    for key in ("to", "from", "when", "smtp", "unknown"):
        yield from ((key, {"to": "a@example.com", key: value}) for value in ANYTHING)
    for key in ("host", "port", "security", "username", "password-env", "password-file", "password", "unknown"):
        base = {"host": "h"} if key == "password-file" else SERVER
        yield from ((f"smtp.{key}", {"to": "a@example.com", "smtp": {**base, key: value}}) for value in ANYTHING)
    for host in ("::1", "127.0.0.1", "fe80::1", "a_b.example.com.", "münchen.example", "h:25", "smtp://h", "u@h", "[::1]", "h ", "h\0", "h/x", "h?x", "h#x"):  # fmt: skip
        yield "smtp.host", {"to": "a@example.com", "smtp": {"host": host}}


def accepted(section):
    return not mailsection.mistakes(Document(json.dumps({"email": section}), "audit.yaml"))


@pytest.mark.parametrize("name", sorted({name for name, _ in sections()}))
def test_the_schema_refuses_nothing_that_an_audit_takes(name):
    for what, section in sections():
        if what == name and accepted(section):
            assert SCHEMA.is_valid({"email": section}), section


def test_an_audit_refuses_all_that_the_schema_refuses_and_else_only_what_no_schema_tells():
    refused = [(what, section) for what, section in sections() if not accepted(section)]
    beyond = {what for what, section in refused if SCHEMA.is_valid({"email": section})}
    assert {what for what, _ in refused} >= {"the section", "when", "unknown", "smtp.host", "smtp.port", "smtp.unknown"}
    # Whether a text is an address, and whether login, password and TLS go together.
    assert beyond <= {"to", "from", "smtp.username", "smtp.password-env", "smtp.password-file", "smtp.security"}
