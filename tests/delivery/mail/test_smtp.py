"""Handing a mail to servers that take it, refuse, greylist, hang, cut, lie and cheat."""

import base64
import logging
import re
import socket
import threading
from contextlib import suppress
from email.message import EmailMessage

import pytest

from northflank_audit.bounded import Job
from northflank_audit.delivery import smtp
from northflank_audit.delivery.mailconfig import Login, Smtp
from northflank_audit.errors import DeliveryError
from tests.conftest import NET
from tests.delivery.mail.conftest import CUT, ENDLESS, HANG, PASSWORD, TALK, logins, secured

SENDER, ALICE, BOB = "audit@example.com", "alice@example.com", "bob@example.com"


@pytest.fixture
def send():
    """Send a mail; return the waits before further tries."""

    def sent(port, *to, limit=NET, timeout=NET, attempts=3, **server):
        waits = []
        message = EmailMessage()
        message["Subject"], message["Message-ID"] = "Hello", "<1@example.com>"
        message.set_content("Hello\n.\n..\n")
        patience = smtp.Patience(attempts=attempts, limit=limit, timeout=timeout, sleep=waits.append)
        place = Smtp(**{"host": "127.0.0.1", "port": port, "security": "none", **server})
        smtp.send(message, SENDER, to or (ALICE,), place, patience)
        return waits

    return sent


@pytest.fixture
def failed(send):
    """Fail to send a mail; return what is said."""

    def said(*arguments, **options):
        with pytest.raises(DeliveryError) as error:
            send(*arguments, **options)
        assert PASSWORD not in str(error.value)
        return str(error.value)

    return said


def test_a_mail_arrives_for_everybody(serve, mailbox, send):
    assert send(serve(), ALICE, BOB, ALICE) == []
    assert [each.rcpt_tos for each in mailbox.envelopes] == [[ALICE, BOB]]
    assert mailbox.envelopes[0].mail_from == SENDER
    assert mailbox.mails[0].get_content().splitlines() == ["Hello", ".", ".."]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mail_goes_over_tls_with_a_login(security, serve, mailbox, send, failed, authority, trusted):
    context = secured(authority)
    secure = {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    inside = security == "starttls"  # aiosmtpd knows of no other TLS
    port = serve(**secure, authenticator=logins, auth_required=inside, auth_require_tls=inside)
    send(port, security=security, login=Login("audit", PASSWORD))
    assert len(mailbox.mails) == 1
    wrong = failed(port, security=security, login=Login("audit", "wrong"))
    assert re.search(r"refuses the login \(535 .*\): check username and password$", wrong)
    if inside:
        assert re.search(r"refuses the sender audit@example\.com \(530 ", failed(port, security=security))
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_is_verified(security, serve, mailbox, failed, authority, trusted, monkeypatch):
    def port(name):
        context = secured(authority, name)
        return serve(**{"ssl_context" if security == "tls" else "tls_context": context})

    said = failed(port("mail.example.com"), security=security)
    assert "its certificate is not trusted (IP address mismatch" in said
    assert "check 'host'" in said
    good = port("127.0.0.1")
    monkeypatch.delenv("SSL_CERT_FILE")
    said = failed(good, security=security)
    assert "its certificate is not trusted (unable to get local issuer certificate)" in said
    assert "SSL_CERT_FILE" in said
    assert mailbox.asked == []


def test_without_starttls_nothing_is_sent(act, failed):
    actor = act()
    assert "it offers no STARTTLS" in failed(actor.port, security="starttls", login=Login("audit", PASSWORD))
    assert [line.split()[0] for line in actor.heard] == ["ehlo"]


def test_where_no_login_is_offered_the_password_is_not_sent(act, failed):
    actor = act()
    assert "it offers no login" in failed(actor.port, login=Login("audit", PASSWORD))
    assert [line.split()[0] for line in actor.heard] == ["ehlo"]


def test_a_server_that_takes_no_password_gets_none(act, failed):
    actor = act(EHLO="250-hi\r\n250 AUTH XOAUTH2 GSSAPI")
    assert "it accepts no password (none of CRAM-MD5, PLAIN, LOGIN)" in failed(
        actor.port, login=Login("audit", PASSWORD)
    )
    assert [line.split()[0] for line in actor.heard] == ["ehlo"]


def test_tls_where_there_is_none(act, failed):
    assert "TLS failed (WRONG_VERSION_NUMBER)" in failed(act().port, security="tls")


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("MAIL", "it refuses the sender audit@example.com (553 no such sender): check 'from'"),
        ("DATA", "it refuses the mail (553 no such sender)"),
    ],
)  # fmt: skip
def test_a_refusal_is_final(stage, expected, serve, mailbox, failed):
    mailbox.answers[stage] = ["553 no such sender"] * 9
    port = serve()
    assert failed(port) == f"the mail server 127.0.0.1:{port} did not take the mail to {ALICE}: {expected}"
    assert mailbox.asked.count(stage) == 1


def test_who_is_refused_does_not_keep_the_mail_from_the_others(serve, mailbox, failed):
    mailbox.answers[ALICE] = ["550 5.1.1 unknown"] * 9
    port = serve()
    assert failed(port, ALICE, BOB) == f"the mail server 127.0.0.1:{port} refuses {ALICE} (550 5.1.1 unknown)"
    assert [each.rcpt_tos for each in mailbox.envelopes] == [[BOB]]
    assert mailbox.asked.count(ALICE) == 1
    assert failed(port, ALICE) == f"the mail server 127.0.0.1:{port} refuses {ALICE} (550 5.1.1 unknown)"


@pytest.mark.parametrize("stage", ["MAIL", ALICE, "DATA"])
def test_a_greylist_is_waited_for(stage, serve, mailbox, send, caplog):
    caplog.set_level(logging.INFO)
    mailbox.answers[stage] = ["451 4.7.1 greylisted"] * 2
    waits = send(serve(), ALICE)
    assert len(waits) == 2
    assert 2 <= waits[0] <= 4 <= waits[1] <= 6
    assert len(mailbox.mails) == 1
    assert "451 4.7.1 greylisted" in caplog.text


def test_a_greylist_for_one_gives_the_others_the_mail_once(serve, mailbox, send, failed):
    mailbox.answers[ALICE] = ["450 later"]
    send(serve(), ALICE, BOB)
    assert [each.rcpt_tos for each in mailbox.envelopes] == [[BOB], [ALICE]]
    assert {mail["Message-ID"] for mail in mailbox.mails} == {"<1@example.com>"}
    mailbox.answers[ALICE] = ["450 later"] * 9
    said = failed(serve(), ALICE, BOB)
    assert said.endswith(f" did not take the mail to {ALICE}: it accepts the mail only later (450 later) (3 attempts)")
    assert mailbox.envelopes[-1].rcpt_tos == [BOB]


def test_whoever_was_not_asked_about_when_the_server_broke_off_has_not_got_it(serve, mailbox, send):
    mailbox.answers[BOB] = ["421 going down"]
    assert len(send(serve(), ALICE, BOB)) == 1
    assert [each.rcpt_tos for each in mailbox.envelopes] == [[ALICE, BOB]]


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"])
def test_a_connection_that_is_cut_is_tried_again_and_told(stage, act, failed):
    said = failed(act(**{stage: CUT}).port)
    assert said.endswith("it closed the connection (3 attempts)"), said


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"])
def test_a_server_that_says_nothing_hangs_nothing(stage, act, failed):
    said = failed(act(**{stage: HANG}).port, attempts=1, timeout=0.1)
    assert said.endswith("it does not answer: check host, port and 'security'"), said


def test_all_of_it_is_bounded_whatever_a_server_does(act, failed):
    before = set(threading.enumerate())
    actor = act(MAIL=HANG)
    said = failed(actor.port, limit=0.2)
    assert said.endswith("it does not answer (given up after 0.2 s)"), said
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)  # the process can end


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "end"])
def test_an_answer_without_an_end_fills_no_memory(stage, act, failed, monkeypatch):
    monkeypatch.setattr(smtp, "_MOST", 100_000)
    assert "its answers are too long" in failed(act(**{stage: ENDLESS}).port, limit=NET)


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_mail_that_is_said_to_have_failed_does_not_arrive_later(stage, act, failed):
    slow = threading.Event()

    def late(_):
        slow.wait(NET)
        return TALK[stage]

    actor = act(**{stage: late})
    assert "given up after 0.2 s" in failed(actor.port, limit=0.2)
    slow.set()
    for sending in [thread for thread in threading.enumerate() if thread.name == "mail"]:
        sending.join(NET)
        assert not sending.is_alive()
    assert "." not in actor.heard


@pytest.mark.parametrize("farewell", [CUT, "500 what", "nonsense"])
def test_a_mail_that_was_taken_is_sent_whatever_the_farewell(farewell, act, send):
    actor = act(QUIT=farewell)
    assert send(actor.port) == []
    assert actor.heard.count(".") == 1


def test_a_mail_that_was_taken_is_sent_though_the_server_hangs_afterwards(act, send, monkeypatch):
    farewell, over = threading.Event(), threading.Event()

    def within(_, work, name):
        job = Job(work, name)
        farewell.wait(NET)  # the limit is up while the server hangs there
        return job.result(0)

    def hang(_):
        farewell.set()
        over.wait(NET)
        return "221 bye"

    monkeypatch.setattr(smtp, "within", within)
    assert send(act(QUIT=hang).port) == []
    over.set()


def test_a_tls_connection_that_is_cut_is_tried_again_and_told(failed):
    def cut(server):
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)  # the client's hello: what was read is closed and not reset

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=cut, args=(server,), daemon=True).start()
        said = failed(server.getsockname()[1], security="tls")
        server.shutdown(socket.SHUT_RDWR)
    assert said.endswith("it closed the connection (3 attempts)"), said


def test_whoever_is_refused_and_whoever_has_to_wait_are_both_told(serve, mailbox, failed):
    mailbox.answers = {ALICE: ["550 unknown"], BOB: ["450 later"] * 9}
    said = failed(serve(), ALICE, BOB)
    assert f"refuses {ALICE} (550 unknown); the mail server" in said
    assert f"did not take the mail to {BOB}: it accepts the mail only later (450 later)" in said


def test_what_a_server_says_is_short_and_no_command_to_a_terminal(act, failed):
    said = failed(act(RCPT="550 \x1b[31m" + "no " * 1000).port)
    assert "(550 \ufffd[31mno no" in said
    assert len(said) < 500


def test_a_server_that_is_not_there(failed):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen; nobody else can
        said = failed(silent.getsockname()[1])
    assert "it can't be reached (Connection refused): check host and port (3 attempts)" in said


@pytest.mark.parametrize("greeting", ["554 go away", "HTTP/1.1 400 Bad Request", "421 busy"])
def test_a_greeting_that_is_none(greeting, act, failed):
    assert "it refuses the connection" in failed(act(greeting=greeting).port)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".invalid"])
def test_a_host_that_can_not_be_one(host, failed):
    assert "the conversation failed (UnicodeError)" in failed(25, host=host)


def test_a_password_that_the_server_repeats_does_not_show(act, failed, caplog):
    caplog.set_level(logging.DEBUG)
    plain = base64.b64encode(f"\0audit\0{PASSWORD}".encode()).decode()

    def echo(code):
        return lambda heard: (
            f"{code} I heard {heard} and it means {PASSWORD} and {base64.b64encode(PASSWORD.encode()).decode()}"
        )

    for code in (535, 454):
        actor = act(EHLO="250-hi\r\n250 AUTH PLAIN", AUTH=echo(code))
        said = failed(actor.port, login=Login("audit", PASSWORD))
        assert f"refuses the login ({code} I heard AUTH PLAIN ••• and it means ••• and •••)" in said
        assert plain in actor.heard[-1]
    actor = act(EHLO="250-hi\r\n250 AUTH PLAIN", AUTH="235 OK", RCPT=lambda _: f"550 {PASSWORD}")
    assert "(550 •••)" in failed(actor.port, login=Login("audit", PASSWORD))
    assert PASSWORD not in caplog.text
    assert plain not in caplog.text
    assert PASSWORD not in repr(Smtp(login=Login("audit", PASSWORD)))
