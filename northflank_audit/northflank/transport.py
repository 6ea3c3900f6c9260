"""Connections that can be cut all at once.

A socket's timeout bounds the wait for the next byte, not for the whole answer: a server that sends a byte a second
keeps a request open for ever. So at the run's deadline every socket is shut down, whatever it is waiting for.
"""

import socket
import weakref
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class CuttableAdapter(HTTPAdapter):
    """An adapter that remembers its sockets."""

    def __init__(self, **options: Any) -> None:
        """Take HTTPAdapter's own options."""
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(**options)

    def cut(self) -> None:
        """Shut every socket down; who waits for one gets an error at once."""
        for each in list(self._sockets):
            with suppress(OSError):
                # The plain socket's: that of TLS would take its state away from under the thread that reads.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool of direct connections."""
        super().init_poolmanager(*args, **options)
        self._remember(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pool of connections by a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        self._remember(manager)
        return manager

    def _remember(self, manager: PoolManager) -> None:
        sockets = self._sockets

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                made = super()._new_conn()
                sockets.add(made)
                return made

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                made = super()._new_conn()
                sockets.add(made)
                return made

            def connect(self) -> None:
                super().connect()
                if isinstance(self.sock, socket.socket):
                    sockets.add(self.sock)  # TLS wraps the socket in another, and closes the first

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
