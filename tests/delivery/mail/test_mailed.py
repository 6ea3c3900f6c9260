"""Mail, end to end: a real mail server on loopback, and `audit.py` as a process where it reaches that."""

import json
import re

import pytest

from northflank_audit.cli import app
from tests.conftest import QUICK
from tests.delivery.mail.conftest import PASSWORD, logins, secured

TO = "a@example.com"


@pytest.fixture
def config(tmp_path):
    """Write a config file with a section `email:`."""

    def written(**section):
        (tmp_path / "mail.yaml").write_text(json.dumps({"email": section.get("whole", section)}))
        return "--config", "mail.yaml"

    return written


def plain(port, **more):
    return {"host": "127.0.0.1", "port": port, "security": "none", **more}


def test_the_demo_is_mailed(audit, config, serve, mailbox):
    given = config(to=["b@example.com"], smtp=plain(serve()), **{"from": "audit@example.com"})
    ended = audit("--demo", "--email-to", TO, *given)
    assert (ended.code, ended.err) == (1, "")
    (mail,) = mailbox.mails
    assert mailbox.envelopes[0].rcpt_tos == ["b@example.com", TO]
    summary = ended.report["summary"]
    count, critical = summary["fail"], summary["failBySeverity"]["critical"]
    assert mail["Subject"] == f"[AUDIT] {count} violations, {critical} critical — sample account"
    (attached,) = mail.iter_attachments()
    assert attached.get_payload(decode=True) == (ended.folder / "reports/report.html").read_bytes()
    assert mail.get_body(("plain",)).get_content().startswith(f"VIOLATED: {count} violations")


def test_a_mail_that_can_not_be_sent_loses_no_report(audit, config, serve, mailbox):
    mailbox.answers["DATA"] = ["554 5.7.1 spam"]
    ended = audit(*QUICK, "--email-to", TO, "--output", "md=-", *config(smtp=plain(serve())))
    assert ended.code == 3
    (reason,) = ended.report["run"]["incompleteReasons"]
    assert re.fullmatch(
        r"the mail server 127\.0\.0\.1:\d+ did not take the mail to a@example\.com: it refuses the mail \(554 5\.7\.1 spam\)", reason
    )  # fmt: skip
    assert ended.report["run"]["complete"] is False
    assert ended.report["exitCode"] == 3
    assert ended.report["summary"]["fail"] > 0
    for name in ("report.html", "report.md"):
        assert "554 5.7.1 spam" in (ended.folder / "reports" / name).read_text()
    assert "INCOMPLETE" in ended.out
    assert reason in ended.err


def test_the_password_comes_from_the_environment_or_a_file_and_shows_nowhere(
    audit, config, serve, mailbox, authority, tmp_path
):
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    port = serve(tls_context=secured(authority), require_starttls=True, authenticator=logins, auth_required=True)
    server = {"host": "127.0.0.1", "port": port, "username": "audit"}
    given = {"SSL_CERT_FILE": str(tmp_path / "authority.pem")}
    for place in ({"password-env": "SMTP_PASSWORD"}, {"password-file": "password"}):
        (tmp_path / "password").write_text(PASSWORD + "\n" if "password-file" in place else "")
        ended = audit(*QUICK, "--verbose", *config(to=[TO], smtp={**server, **place}), **given, SMTP_PASSWORD=PASSWORD)
        assert ended.code == 1, ended.err
        for shown in (ended.out, ended.err, *(path.read_text() for path in (ended.folder / "reports").iterdir())):
            assert PASSWORD not in shown
    assert len(mailbox.mails) == 2


@pytest.fixture
def refused(monkeypatch, tmp_path, capsys):
    """Ask, within this process, for an audit that does not start; return what is said."""
    monkeypatch.chdir(tmp_path)

    def said(*arguments):
        monkeypatch.setattr("sys.argv", ["audit.py", *QUICK, *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        assert ended.value.code == 2
        assert not (tmp_path / "reports").exists()
        return capsys.readouterr().err

    return said


PLACE = {"host": "127.0.0.1", "username": "audit"}
WRONG = {
    "nobody": ({}, "mail.yaml:1:11: no recipients"),
    "the variable is not set": ({"to": [TO], "smtp": {**PLACE, "password-env": "NOT_SET"}}, "this environment variable is not set, or is empty"),
    "the variable is empty": ({"to": [TO], "smtp": {**PLACE, "password-env": "EMPTY"}}, "this environment variable is not set, or is empty"),
    "the file is not there": ({"to": [TO], "smtp": {**PLACE, "password-file": "hunter2"}}, "this file: can't be read (No such file or directory)"),
    "the file is empty": ({"to": [TO], "smtp": {**PLACE, "password-file": "empty"}}, "this file is empty"),
    "the password is not ASCII": ({"to": [TO], "smtp": {**PLACE, "password-env": "ODD"}}, "not printable ASCII"),
    "the password is in the file": ({"to": [TO], "smtp": {**PLACE, "password": "hunter2"}}, "a config file must not contain a password"),
    "a password in plain text": ({"to": [TO], "smtp": {"host": "mail.example.com", "security": "none", "username": "audit", "password-env": "SET"}}, "a password is not sent over the network without TLS"),
    "an address in place of the section": ("smtp://audit:hunter2@mail.example.com", "mail.yaml:1:11: expected a map"),
    "an address in place of the server": ({"to": [TO], "smtp": "smtp://audit:hunter2@mail.example.com"}, "expected a map"),
    "an address in place of the host": ({"to": [TO], "smtp": {"host": "smtp://audit:hunter2@mail.example.com"}}, "expects only a host name or an address"),
    "who logs in beside the host": ({"to": [TO], "smtp": {"host": "audit:hunter2@mail.example.com"}}, "expects only a host name or an address"),
    "a port beside the host": ({"to": [TO], "smtp": {"host": "mail.example.com:587"}}, "the port goes under 'port'"),
    "half of an address": ({"to": [TO], "from": "a@["}, "is not one mail address"),
    "a header in an address": ({"to": ["a@example.com\nBcc: b@example.com"]}, "no line break"),
}  # fmt: skip


@pytest.mark.parametrize(("section", "expected"), WRONG.values(), ids=WRONG)
def test_what_can_not_work_is_told_before_anything_is_fetched(
    section, expected, refused, config, tmp_path, monkeypatch
):
    (tmp_path / "empty").write_text("\n")
    for name, value in (("EMPTY", " "), ("ODD", "pässword"), ("SET", "x")):
        monkeypatch.setenv(name, value)
    said = refused(*config(**(section if isinstance(section, dict) else {"whole": section})))
    assert expected in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "a@example.com\nBcc: b@example.com",
        "ä@example.com",
        "grp: a@example.com;",
        "a@[",
        "J.: a@example.com",
        ":;a",
    ],
)
def test_an_address_that_is_none_is_told(address, refused):
    assert "Invalid value for '--email-to'" in refused("--email-to", address)


def test_changes_that_could_not_be_mailed_are_mailed_with_the_next_report(audit, config, serve, mailbox, tmp_path):
    def credential(identity, restricted):
        return {"id": identity, "name": identity, "restrictions": {"restricted": restricted, "projects": []}}

    def week(*credentials):
        (tmp_path / "i.json").write_text(json.dumps({"credentials": credentials}))
        given = config(to=[TO], when="changes", smtp=plain(port))
        rules = ("--rule", "registry-credential-unrestricted")
        return audit("--input", "i.json", *rules, "--compare", "reports/report.json", *given)

    port = serve()
    assert week(credential("a", False), credential("b", False)).code == 1  # the first: nothing to compare with
    mailbox.answers["DATA"] = ["554 5.7.1 spam"]
    assert week(credential("a", False), credential("c", False)).code == 3
    for _ in range(2):
        assert week(credential("a", False), credential("c", False)).code == 1
    subjects = [mail["Subject"] for mail in mailbox.mails]
    assert subjects == [
        "[AUDIT] 2 violations, 2 high — file i.json",
        "[AUDIT] 2 violations, 1 new, 1 resolved, 2 high — file i.json",
    ]
