"""What a mail about an audit consists of, and which audits are worth one."""

import threading
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP, default
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from northflank_audit.delivery import mail
from northflank_audit.delivery.mailconfig import Email, Smtp
from northflank_audit.delivery.smtp import Patience
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.subject import subject
from tests.conftest import NET

TO, SENDER = ("Platform team <platform@example.com>", "ops@example.com"), "Audit <audit@example.com>"


def parsed(report, **changes):
    made = mail.message(mail.letter(report), **{"to": TO, "sender": SENDER, "folder": "reports", **changes})
    return message_from_bytes(made.as_bytes(policy=SMTP), policy=default)


def test_a_mail_has_both_bodies_and_the_whole_report(full):
    got = parsed(full)
    assert got["Subject"] == subject(full)
    assert (got["From"], got["To"]) == (SENDER, ", ".join(TO))
    assert got["Date"].datetime == full.run.finished_at.replace(microsecond=0)
    assert got["Message-ID"].endswith("@example.com>")
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["X-Northflank-Audit-Run"] == full.run.id
    assert got["X-Northflank-Audit-Outcome"] == "VIOLATED"
    kept = "The whole report is attached: report-2026-11-24.html."
    plain, rich = got.get_body(("plain",)), got.get_body(("html",))
    assert plain.get_content().replace("\r\n", "\n") == mailbody.text(full, kept)
    assert rich.get_content().replace("\r\n", "\n") == mailbody.html(full, kept)
    (attached,) = got.iter_attachments()
    assert attached.get_filename() == "report-2026-11-24.html"
    assert attached.get_content_type() == "text/html"
    assert attached.get_payload(decode=True) == FORMATS["html"].render(full).encode()
    assert got.get_content_type() == "multipart/mixed"
    assert got.get_payload()[0].get_content_type() == "multipart/alternative"


def test_a_line_of_it_is_no_longer_than_mail_servers_take(hostile):
    long = replace(hostile, warnings=["x" * 5000])
    made = mail.message(mail.letter(long), TO, SENDER, "reports").as_bytes(policy=SMTP)
    assert made.isascii()
    assert max(map(len, made.split(b"\r\n"))) <= 998
    assert b"\n" not in made.replace(b"\r\n", b"")


def test_no_name_makes_a_header(hostile):
    got = parsed(hostile)
    assert sorted(got.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version",
         "X-Northflank-Audit-Outcome", "X-Northflank-Audit-Run", "Content-Type"]
    )  # fmt: skip
    assert got["Subject"] == subject(hostile)


def test_the_subject_arrives_as_it_is_wherever_its_lines_end(report, monkeypatch):
    for kind in ("text", "html"):
        monkeypatch.setattr(mailbody, kind, lambda *_: "")
    monkeypatch.setattr(mail, "PAGE", SimpleNamespace(render=lambda _: ""))
    for length in range(1, 90):
        said = f"[AUDIT] INCOMPLETE: {'7' * length} violations, 1 new, 2 high — team münchen, payments"
        monkeypatch.setattr(mail, "subject", lambda _, said=said: said)
        raw = mail.message(mail.letter(report), TO, SENDER, "reports").as_bytes(policy=SMTP)
        assert message_from_bytes(raw, policy=default)["Subject"] == said
        assert str(make_header(decode_header(message_from_bytes(raw)["Subject"]))) == said  # another reader
        assert max(map(len, raw.partition(b"\r\nFrom:")[0].split(b"\r\n"))) <= 78


def test_a_report_that_is_too_large_stays_where_it_is_and_the_mail_says_where(report, monkeypatch):
    size = len(FORMATS["html"].render(report).encode())
    monkeypatch.setattr(mail, "LARGEST", size)
    got = parsed(report)
    assert len(list(got.iter_attachments())) == 1
    assert "too large" not in got.get_body(("plain",)).get_content()
    monkeypatch.setattr(mail, "LARGEST", size - 1)
    got = parsed(report, folder="audits/june")
    assert list(got.iter_attachments()) == []
    for kind in ("plain", "html"):
        said = " ".join(got.get_body((kind,)).get_content().split())
        assert "too large for a mail (0 MB). It is where the audit ran, in the folder audits/june." in said


def compared(full, **counts):
    none = dict.fromkeys(("new", "ongoing", "resolved", "unsettled"), 0)
    return replace(
        full, comparison=replace(full.comparison, **{**none, **counts}), waivers=replace(full.waivers, expired=[])
    )


def test_it_is_sent_and_by_default_from_this_machine(report, serve, mailbox, monkeypatch):
    monkeypatch.setattr(mail, "NAME_SECONDS", NET)
    monkeypatch.setattr("socket.getfqdn", lambda *_: "build-7.example.com")
    email = Email(to=TO, smtp=Smtp(host="127.0.0.1", port=serve()))
    mail.send(report, email, "reports", Patience())
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["platform@example.com", "ops@example.com"]
    assert envelope.mail_from == mailbox.mails[0]["From"] == "northflank-audit@build-7.example.com"


@pytest.mark.parametrize("name", ["", "a b", "münchen", "x\ny"])
def test_a_machine_without_a_proper_name_has_an_address_all_the_same(name, monkeypatch):
    monkeypatch.setattr("socket.getfqdn", lambda *_: name)
    assert mail._this_machine() == "northflank-audit@localhost"


def test_a_machine_whose_name_is_not_to_be_had_hangs_nothing(monkeypatch):
    monkeypatch.setattr(mail, "NAME_SECONDS", 0.05)
    answered = threading.Event()
    monkeypatch.setattr("socket.getfqdn", lambda *_: answered.wait(NET))
    assert mail._this_machine() == "northflank-audit@localhost"
    answered.set()
    monkeypatch.setattr("socket.getfqdn", lambda *_: "a..b".encode("idna"))
    assert mail._this_machine() == "northflank-audit@localhost"


def test_what_is_not_worth_a_mail_connects_to_nowhere(clean):
    said = mail.send(clean, Email(to=TO, smtp=Smtp(host="127.0.0.1", port=1)), "reports", Patience())
    assert said == "mail: not sent: nothing matches 'when: violations'"
