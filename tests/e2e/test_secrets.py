"""Whole audits of accounts that are full of planted secrets: none is written, nothing is asked that only shows them."""

import json

import msgspec
import pytest

from northflank_audit.delivery.mail import letter, message
from northflank_audit.delivery.notify import body
from northflank_audit.emulator import EmulatedAccounts, Emulator, load
from northflank_audit.formats import FORMATS
from northflank_audit.formats.brief import brief
from northflank_audit.report import Report
from northflank_audit.resources import TYPES
from tests import leaky
from tests.secrecy import assert_never_asked, assert_no_leak, planted

PACKS = ["pack:default", "pack:everything"]
"""What is audited; a pack more is a word more."""
RUNS = {
    "the sample account": ("sample", "--log-format", "text"),
    "the sample's teams": ("sample", "--log-format", "json", "--all-teams"),
    "secrets in every list and text": ("leaky", "--log-format", "json"),
}
EVERYTHING = (
    "--details", "always", "--format", ",".join(FORMATS), "--include", "pass,notapplicable", "--verbose",
    "--metrics-file", "audit.prom", "--history", "history.db",
)  # fmt: skip


class Listening(Emulator):
    """An emulator that remembers which secrets it has told."""

    def __init__(self, accounts: EmulatedAccounts) -> None:
        super().__init__(accounts)
        self.secrets: set[str] = set()

    def respond(self, request, authorization):
        answer = super().respond(request, authorization)
        self.secrets |= planted(answer.content)
        return answer


@pytest.fixture
def serve(tmp_path_factory):
    def serve(name: str) -> Listening:
        if name == "sample":
            return Listening(load(None))
        path = tmp_path_factory.mktemp("leaky") / "account.json"
        path.write_text(json.dumps(leaky.account()))
        return Listening(load(str(path)))

    return serve


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("pack", PACKS)
def test_no_secret_is_written_in_any_encoding(pack, run, serve, audit, tmp_path):
    name, *options = RUNS[run]
    with serve(name) as server:
        source = ("--api-url", server.url, *options, "--save-snapshot", "snapshot.json")
        first = audit(*source, "--rules", pack, *EVERYTHING, NORTHFLANK_API_TOKEN=server.token)
        plan = audit("plan", "--rules", pack)
    assert first.code in (1, 3), first.err
    assert {form.filename for form in FORMATS.values()} <= {path.name for path in (tmp_path / "reports").iterdir()}
    assert_never_asked(server.requests)
    assert len(server.secrets) > 3, "the account's secrets did not reach the tool: nothing is shown by this"
    again = audit("--input", "snapshot.json", "--compare", "reports/report.json", "--rules", pack, *EVERYTHING)
    assert again.code in (1, 3), again.err
    report = msgspec.json.decode((tmp_path / "reports/report.json").read_bytes(), type=Report)
    mail = message(letter(report), ("team@example.com",), "audit@example.com", "reports")
    (tmp_path / "mail.eml").write_bytes(mail.as_bytes())
    (tmp_path / "notification.txt").write_text(body(report, ["reports/report.html"]) + brief(report))
    streams = {"out": first.out, "err": first.err, "again": again.out + again.err, "plan": plan.out + plan.err}
    assert assert_no_leak(tmp_path, **streams) > 500_000
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert server.token.encode() not in written + "".join(streams.values()).encode()


def test_every_type_with_secrets_is_planted():
    file = leaky.account()
    lists = file | file["projects"][0]
    for kind in TYPES.values():
        if any(part.secrets for part in kind.sources) and not kind.within:
            key = next(
                row["from"] for row in file["endpoints"] if row["path"] == kind.listing.path.strip("/")
            ).rpartition(".")[2]
            assert all(len(planted(item)) > 1 for item in lists[key]), kind.name
