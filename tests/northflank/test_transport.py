import socket
import threading

import pytest
import requests

from northflank_audit.northflank.transport import CuttableAdapter
from tests.conftest import NET

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        session.adapter = CuttableAdapter(max_retries=0)
        session.mount("http://", session.adapter)
        yield session


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def answer(server):
    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(HEAD)

    threading.Thread(target=serve, daemon=True).start()


def resolver(monkeypatch, *addresses, after=None):
    def look_up(name, port, *args, **options):
        if name != "name.test":
            return true(name, port, *args, **options)
        if after is not None:
            after.wait(NET)  # as the system's resolver would, whom nothing can interrupt
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    true = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_that_is_not_resolved_in_time(session, monkeypatch):
    over = threading.Event()
    resolver(monkeypatch, "127.0.0.1", after=over)
    with pytest.raises(requests.ConnectTimeout):
        session.get("http://name.test/", timeout=0.2)
    assert not over.is_set()
    over.set()


def test_a_name_that_is_none(session):
    with pytest.raises(requests.ConnectionError, match="Failed to resolve 'nobody.invalid'"):
        session.get("http://nobody.invalid/", timeout=NET)
    with pytest.raises(requests.ConnectionError, match="Failed to resolve"):
        session.get(f"http://{'x' * 64}.test/", timeout=NET)


def test_the_next_address_is_tried_and_the_host_keeps_its_name(session, server, monkeypatch):
    resolver(monkeypatch, "127.0.0.2", "127.0.0.1")  # the server listens on the second alone
    answer(server)
    response = session.get(f"http://name.test:{server.getsockname()[1]}/", timeout=NET)
    assert response.json() == {}
    assert response.connection is session.adapter


def test_the_last_addresss_failure_is_told(session, server, monkeypatch):
    resolver(monkeypatch, "127.0.0.2", "127.0.0.3")
    with pytest.raises(requests.ConnectionError, match="refused"):
        session.get(f"http://name.test:{server.getsockname()[1]}/", timeout=NET)


def test_a_cut_ends_a_wait_at_once(session, server):
    asked = []

    def cut():
        connection, _ = server.accept()
        asked.append(connection)  # and kept open
        connection.recv(1000)  # by now who asks waits for the answer
        session.adapter.cut()

    cutting = threading.Thread(target=cut, daemon=True)
    cutting.start()
    with pytest.raises(requests.ConnectionError):
        session.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=NET)
    cutting.join(NET)
    asked[0].close()
