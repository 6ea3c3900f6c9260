"""A proxy on loopback that tunnels (CONNECT) and forwards plain requests, and asks for a password."""

import base64
import socket
import socketserver
import threading
from contextlib import suppress
from urllib.parse import urlsplit

PASSWORD = "SECRET-proxy"


class Proxy(socketserver.ThreadingTCPServer):
    """Serves within `with`; `seen` are the first lines of what was asked of it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen = []
        self.url = f"http://user:{PASSWORD}@127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        """Ignore clients that disconnect."""


class _Handler(socketserver.StreamRequestHandler):
    rbufsize = 0  # what comes after the head is the tunnel's

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.rfile.read(1)
            if not byte:
                return
            head += byte
        first = head.split(b"\r\n")[0].decode("latin-1")
        self.server.seen.append(first)
        if base64.b64encode(f"user:{PASSWORD}".encode()) not in head:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = first.split(" ")
        parts = urlsplit(target if "://" in target else f"//{target}")
        with socket.create_connection((parts.hostname, parts.port)) as server:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = f"{parts.path}?{parts.query}".encode()
                server.sendall(head.replace(target.encode(), path, 1))
            back = threading.Thread(target=_pump, args=(server, self.connection), daemon=True)
            back.start()
            _pump(self.connection, server)
            back.join()


def _pump(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with suppress(OSError):
            each.shutdown(how)
