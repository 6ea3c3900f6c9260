"""Mail servers on loopback: a real one, and one that plays a part."""

import email.policy
import socket
import ssl
import threading
from contextlib import suppress

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.conftest import NET
from tests.formats.conftest import clean, full, hostile, incomplete, report  # noqa: F401 - fixtures

PASSWORD = "correct horse battery staple"


class Mailbox:
    """A real mail server's handler: it keeps what comes, and answers in place of that what it is told to."""

    def __init__(self):
        self.mails, self.envelopes, self.answers, self.asked = [], [], {}, []

    def _answer(self, what, default="250 OK"):
        self.asked.append(what)
        replies = self.answers.get(what)
        return (replies.pop(0) or default) if replies else default

    async def handle_MAIL(self, server, session, envelope, address, options):
        said = self._answer("MAIL")
        envelope.mail_from = address
        return said

    async def handle_RCPT(self, server, session, envelope, address, options):
        said = self._answer(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server, session, envelope):
        said = self._answer("DATA")
        if said.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            self.envelopes.append(envelope)
        return said


class AnyPort(Controller):
    """A real mail server on a free port, which may take any time to start."""

    def __init__(self, mailbox, **options):
        super().__init__(mailbox, hostname="127.0.0.1", port=0, ready_timeout=NET, **options)

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def serve(mailbox):
    """Start a real mail server; return its port."""
    started = []

    def begin(**options):
        server = AnyPort(mailbox, **options)
        server.start()
        started.append(server)
        return server.port

    yield begin
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


def secured(authority, name="127.0.0.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def logins(server, session, envelope, mechanism, data):
    ok = (data.login, data.password) == (b"audit", PASSWORD.encode())
    return AuthResult(success=ok, handled=ok)


OFFER = "250 hi"
TALK = {"": "220 hi", "EHLO": OFFER, "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 go", ".": "250 OK", "QUIT": "221 bye"}  # fmt: skip
CUT, HANG, ENDLESS = object(), object(), object()


class Actor:
    """A mail server that says what it is told to each command ('' is the greeting): an answer, CUT, HANG or ENDLESS."""

    def __init__(self, play):
        self.play = play
        self.heard = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.over = threading.Event()

    def run(self):
        with suppress(OSError):
            while not self.over.is_set():
                connection, _ = self.socket.accept()
                with connection, connection.makefile("rwb") as stream, suppress(OSError):
                    self._talk(stream)

    def _talk(self, stream):
        command, inside = "", False
        while True:
            said = {**TALK, **self.play}.get(command, "500 what")
            if said is CUT:
                return
            if said is HANG:
                self.over.wait(NET)
                return
            while said is ENDLESS:
                stream.write(b"250-more\r\n" * 1000)
            if callable(said):
                said = said(self.heard[-1])
            stream.write(said.encode() + b"\r\n")
            stream.flush()
            inside = command == "DATA"
            while True:
                raw = stream.readline()
                line = raw.decode(errors="replace").rstrip("\r\n")
                if not line:
                    if raw and inside:
                        continue
                    return
                if not inside or line == ".":
                    break
            self.heard.append(line)
            command = line.split(" ")[0].upper()


@pytest.fixture
def act():
    """Start an actor."""
    actors = []

    def begin(**play):
        actor = Actor({{"greeting": "", "end": "."}.get(key, key): said for key, said in play.items()})
        thread = threading.Thread(target=actor.run, daemon=True)
        thread.start()
        actors.append((actor, thread))
        return actor

    yield begin
    for actor, thread in actors:
        actor.over.set()
        with suppress(OSError):
            actor.socket.shutdown(socket.SHUT_RDWR)
        actor.socket.close()
        thread.join(5)  # no outcome: a daemon
