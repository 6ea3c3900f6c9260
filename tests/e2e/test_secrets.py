"""Whole audits of an account that is full of planted secrets: none is written, nothing is asked that only shows them."""

from urllib.parse import unquote

import pytest

from northflank_audit.emulator import Emulator, load
from northflank_audit.formats import FORMATS
from tests.secrecy import MARK, assert_never_asked, assert_no_leak

PACKS = ["pack:default"]
SCOPES = {"own account": (), "every team": ("--all-teams",)}
WRITTEN = (
    "--details", "always", "--format", ",".join(FORMATS), "--include", "pass,notapplicable",
    "--save-snapshot", "snapshot.json", "--metrics-file", "audit.prom", "--verbose",
)  # fmt: skip
SECRET_DETAILS = "/integrations/registries/"


@pytest.fixture
def server():
    with Emulator(load(None)) as server:
        yield server


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("pack", PACKS)
def test_no_secret_is_written_in_any_encoding(pack, scope, log_format, server, audit, tmp_path):
    options = ("--api-url", server.url, "--rules", pack, *SCOPES[scope], *WRITTEN, "--log-format", log_format)
    first = audit(*options, NORTHFLANK_API_TOKEN=server.token)
    assert first.code in (1, 3), first.err
    assert {form.filename for form in FORMATS.values()} <= {path.name for path in (tmp_path / "reports").iterdir()}
    assert first.report["run"]["complete"] or all(each["status"] == "unknown" for each in first.report["results"])
    assert_never_asked(server.requests)
    assert any(SECRET_DETAILS in request.path for request in server.requests)
    assert assert_no_leak(tmp_path, out=first.out, err=first.err) > 1_000_000
    again = audit("--input", "snapshot.json", "--rules", pack, "--details", "auto", "--format", ",".join(FORMATS))
    assert again.code in (1, 3)
    assert_no_leak(tmp_path, out=again.out, err=again.err)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert server.token.encode() not in written + first.out.encode() + first.err.encode()


def test_the_account_is_full_of_secrets_that_an_audit_reads(server, audit):
    """Otherwise the scan above would find nothing whatever the audit did."""
    answers = []
    respond = server.respond
    server.respond = lambda request, token: answers.append(respond(request, token)) or answers[-1]
    audit("--api-url", server.url, "--details", "always", NORTHFLANK_API_TOKEN=server.token)
    assert sum(MARK in unquote(str(answer.content)) for answer in answers) > 40
