import socket
import threading

import pytest
import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError

from northflank_audit.northflank import transport
from northflank_audit.northflank.transport import CuttableAdapter, _in_turn
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


def answer(server, raw=HEAD):
    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(raw)

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


class Tries:
    """Attempts to connect on a clock that only they move; each takes all the time that it is given."""

    def __init__(self, monkeypatch, silent=(), takes=1.0):
        self.now, self.made, self.silent, self.takes = 0.0, [], silent, takes
        monkeypatch.setattr(transport.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(HTTPConnection, "_new_conn", lambda connection: self.connect(connection))  # noqa: PLW0108 - a bound method gets no connection

    def connect(self, connection):
        self.made.append((connection._dns_host, connection.timeout))
        if connection._dns_host in self.silent:
            self.now += connection.timeout * self.takes
            raise ConnectTimeoutError(connection, "silent")
        return socket.socket()


@pytest.fixture
def connection(monkeypatch):
    """Return a connection to a name with these addresses, of a session that connected to them before."""
    adapter = CuttableAdapter(max_retries=0)

    def make(*addresses):
        resolver(monkeypatch, *addresses)
        kind = adapter.poolmanager.pool_classes_by_scheme["http"].ConnectionCls
        return kind("name.test", 80, timeout=12.0)

    return make


def connect(connection):
    connection._new_conn().close()


def test_a_silent_address_leaves_the_next_its_share_of_the_time(monkeypatch, connection):
    tries = Tries(monkeypatch, silent=("10.0.0.1",))
    connect(connection("10.0.0.1", "10.0.0.2"))
    assert tries.made == [("10.0.0.1", 6.0), ("10.0.0.2", 6.0)]


def test_what_a_refusal_leaves_of_its_share_is_the_others(monkeypatch, connection):
    tries = Tries(monkeypatch, silent=("10.0.0.1",), takes=0.0)
    connect(connection("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    assert tries.made == [("10.0.0.1", 4.0), ("10.0.0.2", 6.0)]


def test_the_address_that_was_reached_is_tried_first_the_next_time(monkeypatch, connection):
    tries = Tries(monkeypatch, silent=("10.0.0.1",))
    connect(connection("10.0.0.1", "10.0.0.2"))
    connect(connection("10.0.0.1", "10.0.0.2"))
    assert [address for address, _ in tries.made] == ["10.0.0.1", "10.0.0.2", "10.0.0.2"]


def test_when_all_are_silent_the_last_is_tried_and_the_time_kept(monkeypatch, connection):
    tries = Tries(monkeypatch, silent=("10.0.0.1", "10.0.0.2"))
    with pytest.raises(ConnectTimeoutError):
        connect(connection("10.0.0.1", "10.0.0.2"))
    assert (len(tries.made), tries.now) == (2, 12.0)


def test_no_address_is_tried_after_the_time(monkeypatch, connection):
    tries = Tries(monkeypatch, silent=("10.0.0.1", "10.0.0.2"), takes=2.0)  # the first takes all, not its share
    with pytest.raises(ConnectTimeoutError):
        connect(connection("10.0.0.1", "10.0.0.2"))
    assert [address for address, _ in tries.made] == ["10.0.0.1"]


def test_the_families_of_addresses_take_turns():
    assert _in_turn(["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"]) == ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]
    assert _in_turn(["10.0.0.1", "::1"]) == ["10.0.0.1", "::1"]


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Odd"])
def test_an_interim_answer_is_not_the_answer(session, server, interim):
    answer(server, f"HTTP/1.1 {interim}\r\nLink: </x>\r\n\r\n".encode() * 2 + HEAD)
    response = session.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=NET)
    assert (response.status_code, response.json()) == (200, {})


def test_a_switch_of_protocols_is_final(session, server):
    answer(server, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    assert session.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=NET, stream=True).status_code == 101


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
