"""Servers on loopback that record, refuse, hang and cut; and audits run within this process."""

import json
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from northflank_audit.cli import app
from tests.conftest import NET
from tests.formats.conftest import clean, full, hostile, incomplete, report

__all__ = ["clean", "full", "hostile", "incomplete", "report"]

KEY = "s3cr3t-k3y"
"""What stands in every address here, and must stand nowhere else."""


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class Peer(ThreadingHTTPServer):
    """Answers every request as `answers` say, the last one again and again; `asked` is what came."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked, self.answers, self.released = [], [200], threading.Event()

    @property
    def place(self):
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self):
        return f"http://{self.place}/{KEY}"

    @property
    def paths(self):
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def accept(self, asked):
        """React to a request that is answered with success."""

    def handle_error(self, request, client_address):
        """Say nothing of clients that have gone."""


class _Handler(BaseHTTPRequestHandler):
    def _any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = Asked(self.command, self.path, dict(self.headers), body)
        self.server.asked.append(asked)
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == "hang":
            self.server.released.wait(NET)
        elif answer == "drip":
            while not self.server.released.wait(0.05):
                self.connection.sendall(b"H")
        elif answer == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif answer == "endless":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while not self.server.released.is_set():
                    self.wfile.write(b"x" * 65536)
        elif answer == "garbage":
            self.connection.sendall(b"HTTP/1.1 200 OK\r\n: \r\nno header\r\n\x00\r\n\r\n")
        else:
            status, *headers = answer if isinstance(answer, tuple) else (answer,)
            if status == 200:
                self.server.accept(asked)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_GET = do_POST = do_PUT = _any  # noqa: N815 - the names that http.server calls

    def log_message(self, *_):
        pass


@pytest.fixture
def patient(monkeypatch):
    """Give who answers any time to do so."""
    for name in ("http_request.TRY_SECONDS", "http_request.LONGEST", "notify.LONGEST"):
        monkeypatch.setattr(f"northflank_audit.delivery.{name}", NET)
    monkeypatch.setattr("apprise.URLBase.socket_read_timeout", NET)


@pytest.fixture
def serve(patient):
    """Start servers; stop them at the end."""
    started = []

    def start(*answers, kind=Peer):
        server = kind()
        server.answers = list(answers) or [200]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def peer(serve):
    return serve()


@pytest.fixture
def brisk(patient, monkeypatch):
    """Try again at once; who answers may take any time."""
    monkeypatch.setattr("northflank_audit.delivery.http_request.PAUSE", 0.01)


@pytest.fixture
def hurry(brisk, monkeypatch):
    """Return what ends the patience with everyone: for those who never answer."""

    def begin():
        for name, seconds in (
            ("http_request.TRY_SECONDS", 0.15),
            ("http_request.LONGEST", 0.3),
            ("notify.LONGEST", 0.5),
        ):
            monkeypatch.setattr(f"northflank_audit.delivery.{name}", seconds)

    return begin


@pytest.fixture
def hasty(hurry):
    """Wait for nobody for long."""
    hurry()


class Audited(NamedTuple):
    """An audit that ended."""

    code: int
    text: str
    """What it printed, on both streams."""
    report: dict | None


RULES = "rules: [{id: named, title: Named, severity: low, require: \"credential.name != 'bad'\"}]"


@pytest.fixture
def audited(monkeypatch, tmp_path, capsys):
    """Audit one credential in this process; `name` is its name, None one that can't be evaluated."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)

    def run(*arguments, name="good"):
        record = {"id": "a", **({"name": name} if name else {})}
        (tmp_path / "i.json").write_text(json.dumps({"credentials": [record]}))
        given = ["audit.py", "--input", "i.json", "--rules", "rules.yaml", "--format", "json", *map(str, arguments)]
        monkeypatch.setattr("sys.argv", given)
        with pytest.raises(SystemExit) as ended:
            app.main()
        printed, file = capsys.readouterr(), tmp_path / "reports/report.json"
        found = json.loads(file.read_text()) if file.exists() else None
        return Audited(ended.value.code, printed.out + printed.err, found)

    return run
