"""Connections with time limits that can all be cut.

A socket's timeout limits the wait for the next byte, not for the whole answer: a server that sends one byte per second
keeps a request open for ever. So at the run's deadline every socket is shut down, whatever it is waiting for. The
system's resolver has no timeout at all.
"""

import http.client
import re
import socket
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any, ClassVar, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from northflank_audit.bounded import OutOfTime, within
from northflank_audit.northflank.route import Route

UNRESOLVED: Final = "was not resolved in time"
_UNBOUNDED: Final = 60.0
"""Seconds for a connection without a set timeout."""
_HOST = re.compile(r"^\w+\(host=.*?\): ")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class CuttableAdapter(HTTPAdapter):
    """An adapter that remembers its sockets.

    Several runs may use it one after the other, which saves the next one new connections to the same host.
    """

    def __init__(self, **options: Any) -> None:
        """Take HTTPAdapter's own options."""
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._reached: dict[str, str] = {}
        self.route: Route | None = None
        """The way to the host of the runs that used it."""
        super().__init__(**options)

    def cut(self) -> None:
        """Shut every socket down; whoever waits for one gets an error at once."""
        for each in list(self._sockets):
            with suppress(OSError):
                # Of the plain socket: that of TLS would remove the state that the reading thread uses.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Create the pool of direct connections."""
        super().init_poolmanager(*args, **options)
        self._remember(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Create the pool of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        self._remember(manager)
        return manager

    def _remember(self, manager: PoolManager) -> None:
        class Plain(_Plain):
            sockets = self._sockets
            reached = self._reached

        class Secure(_Secure):
            sockets = self._sockets
            reached = self._reached

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class _FinalResponse(http.client.HTTPResponse):
    """The final answer: interim answers (RFC 9110, 15.2) are skipped."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc] # a method that has no type
            if not 100 < status < 200 or status == http.client.SWITCHING_PROTOCOLS:  # noqa: PLR2004 - the standard library skips 100
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Plain(HTTPConnection):
    sockets: ClassVar[weakref.WeakSet[socket.socket]]
    reached: ClassVar[dict[str, str]]
    """The last reachable address of each name; it is tried first."""
    response_class = _FinalResponse

    def _new_conn(self) -> socket.socket:
        """Connect to the first reachable address of the name, within the timeout.

        The addresses share the time, so that a silent one does not block the others (in the spirit of RFC 8305).
        """
        name, seconds = self._dns_host, self.timeout
        limit = seconds if isinstance(seconds, (int, float)) else _UNBOUNDED
        end = time.monotonic() + limit
        addresses = self._addresses(limit)
        addresses.sort(key=lambda address: address != self.reached.get(name))
        try:
            while True:
                share = (end - time.monotonic()) / len(addresses)
                self._dns_host, self.timeout = addresses.pop(0), max(0.001, share)
                try:
                    connection = super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError):
                    if not addresses or time.monotonic() >= end:
                        raise
                else:
                    self.reached[name] = self._dns_host
                    self.sockets.add(connection)
                    return connection
        finally:
            self._dns_host, self.timeout = name, seconds

    def _addresses(self, seconds: float) -> list[str]:
        try:
            return _lookup(self._dns_host, self.port or 0, seconds)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from None
        except TimeoutError:
            raise ConnectTimeoutError(self, f"{self.host} {UNRESOLVED}") from None


class _Secure(_Plain, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, socket.socket):
            self.sockets.add(self.sock)  # TLS wraps the socket in another one, and closes the first


def _lookup(name: str, port: int, seconds: float) -> list[str]:
    """Return the addresses of a name, each once, the two families in turn.

    Raises gaierror, and TimeoutError after so many seconds.
    """

    def look() -> list[str]:
        addresses = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        return _in_turn(dict.fromkeys(str(each[4][0]) for each in addresses))

    try:
        return within(seconds, look, "resolver")
    except OutOfTime:
        raise TimeoutError from None
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


def _in_turn(addresses: Iterable[str]) -> list[str]:
    """Return the addresses with IPv6 and IPv4 alternating, in case one family does not work."""
    families: dict[bool, list[str]] = {}
    for address in addresses:
        families.setdefault(":" in address, []).append(address)
    return [address for address in chain.from_iterable(zip_longest(*families.values())) if address is not None]


def broken(error: requests.RequestException) -> str:
    """Return what broke a connection, in words."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "the host's name was not resolved in time" if UNRESOLVED in str(error) else "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    inner: BaseException = error
    while True:
        deeper = getattr(inner, "reason", None) or next((a for a in inner.args if isinstance(a, BaseException)), None)
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    text = _CONTROL.sub(" ", _HOST.sub("", str(inner)))
    if "timed out" in text.lower():
        return "no answer in time"
    failed = "TLS failed" if isinstance(error, requests.exceptions.SSLError) else "the connection broke"
    return f"{failed} ({text})"
