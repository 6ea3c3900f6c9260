"""The section `email:`, and what its JSON Schema says of it: an editor and an audit are of one mind."""

import json

import pytest
from jsonschema import Draft202012Validator

from northflank_audit.cli.schemas import SCHEMAS
from northflank_audit.config import email_section
from northflank_audit.delivery.mailconfig import Email, Login, Smtp
from northflank_audit.documents.yaml_document import Document

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
    return not email_section.diagnostics(Document(json.dumps({"email": section}), "audit.yaml"))


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


EXAMPLE = """
email:
  to: [platform@example.com]
  from: audit@example.com
  when: violations                 # always | violations | changes (with --compare); an incomplete audit is always mailed
  smtp: {host: smtp.example.com, port: 587, security: starttls,       # starttls | tls | none
         username: audit, password-env: SMTP_PASSWORD}                # or password-file
"""


def read(text, *given, **environment):
    document = Document(text, "audit.yaml", discreet=True)
    document.diagnostics += email_section.diagnostics(document)
    assert document.diagnostics == []
    return email_section.email(document, given, environment)


def server(**section):
    return read(json.dumps({"email": {"to": "a@example.com", "smtp": {"host": "h", **section}}}), P="secret").smtp


def test_the_contracts_own_example_is_read_word_for_word():
    assert read(EXAMPLE, "b@example.com", "platform@example.com", SMTP_PASSWORD="secret") == Email(
        to=("platform@example.com", "b@example.com"),
        sender="audit@example.com",
        when="violations",
        smtp=Smtp(host="smtp.example.com", port=587, security="starttls", login=Login("audit", "secret")),
    )


def test_what_is_left_away_is_what_most_people_mean(tmp_path):
    assert read("email: {to: a@example.com}") == Email(to=("a@example.com",))
    assert (Email(to=()).when, Smtp()) == ("violations", Smtp(host="localhost", port=25, security="none"))
    ports = {security: server(security=security).port for security in ("starttls", "tls", "none")}
    assert ports == {"starttls": 587, "tls": 465, "none": 25}
    assert server() == Smtp(host="h", port=587, security="starttls")
    (tmp_path / "password").write_text(" two words \r\n")
    section = {"username": "u", "password-file": str(tmp_path / "password")}
    assert server(**section).login.password == " two words "
    assert server(host="::1").place == "[::1]:587"
    assert server().place == "h:587"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_a_password_needs_no_tls_to_this_machine(host):
    login = {"username": "u", "password-env": "P"}
    assert server(host=host, security="none", **login).login == Login("u", "secret")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"username": "u", "password-env": "P", "password-file": "f"}, "the password comes from a variable or a file"),
        ({"password-env": "P"}, "a password needs a 'username'"),
        ({"username": "u"}, "a username needs a password"),
        ({"username": "ü", "password-env": "P"}, "not printable ASCII"),
        ({"username": "u", "password-env": "correct horse"}, "the name of an environment variable"),
        ({"username": "u", "password-env": "P", "security": "none"}, "without TLS"),
        ({"username": "u", "password-env": "P", "security": "none", "host": "10.0.0.1"}, "without TLS"),
    ],
)
def test_a_login_that_can_not_work_is_told_with_its_place(section, told):
    text = json.dumps({"email": {"to": "a@example.com", "smtp": {"host": "h", **section}}}, indent=1)
    diagnostics = email_section.diagnostics(Document(text, "audit.yaml", discreet=True))
    assert len(diagnostics) == 1
    assert told in str(diagnostics[0])
    assert diagnostics[0].line > 4  # where the key stands
    assert "correct horse" not in diagnostics[0].with_excerpt


def test_a_section_with_mistakes_mails_nobody_by_itself():
    document = Document("email: {to: nobody}", "audit.yaml")
    document.diagnostics += email_section.diagnostics(document)
    assert email_section.email(document, (), {}) is None
