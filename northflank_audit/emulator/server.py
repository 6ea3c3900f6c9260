"""The HTTP server: endpoints, pages, token, rate limit, planned faults."""

import base64
import secrets
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from northflank_audit.emulator.account_files import TEAMS
from northflank_audit.emulator.accounts import EmulatedAccount, EmulatedAccounts, as_listed
from northflank_audit.emulator.endpoints import Children, Endpoint
from northflank_audit.emulator.fault_plan import Fault, Plan, Player, Request, Response
from northflank_audit.emulator.rate_window import RateWindow
from northflank_audit.errors import StartError

PAGE_SIZE, MOST = 50, 100
"""Results per page, by default and at most."""
SILENCE = 60.0
"""Seconds for which a stalled connection is kept at most."""


class _Refusal(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    connections = 0

    def process_request(self, *connection: Any) -> None:
        self.connections += 1
        super().process_request(*connection)

    def handle_error(self, *_: object) -> None:
        """Ignore clients that disconnect."""


class Emulator:
    """A server on loopback, serving within `with`, or until stopped by `serve_forever`."""

    def __init__(
        self,
        accounts: EmulatedAccounts,
        plan: Plan | None = None,
        *,
        token: str | None = None,
        tokens: Iterable[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Bind. `tokens` are further ones, each with a rate limit of its own.

        Raises StartError where the port is taken.
        """
        self.accounts = accounts
        self.plan = plan or Plan()
        self.token = token or f"nf-{secrets.token_urlsafe(24)}"  # never starts with a dash, like an option
        self.requests: list[Request] = []
        self.player = Player(self.plan.faults)
        self._windows = {f"Bearer {each}": RateWindow(self.plan) for each in (self.token, *tokens)}
        self._strangers = RateWindow(self.plan)
        self._ends = list(accumulate(self.plan.page_sizes))
        try:
            self._server = _Server((host, port), _handler(self))
        except OSError as error:
            raise StartError(f"can't serve on {host}:{port} ({error.strerror})") from None
        if tls is not None:  # the handshake is in the connection's thread, so that none delays the others
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://{host}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._server.connections

    def serve_forever(self) -> None:
        """Serve until an exception, such as a signal handler's, ends it."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def respond(self, request: Request, authorization: str) -> Response:
        """Count the request, and return the true answer to it."""
        self.requests.append(request)
        window = self._windows.get(authorization)
        limits = (window or self._strangers).count()
        try:
            if limits["x-ratelimit-remaining"] < 0:
                raise _Refusal(HTTPStatus.TOO_MANY_REQUESTS, "Rate limit exceeded")  # noqa: TRY301
            if request.method != "GET":
                raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "This emulator only reads")  # noqa: TRY301
            if window is None:
                raise _Refusal(HTTPStatus.UNAUTHORIZED, "Invalid or missing API token")  # noqa: TRY301
            status, content = HTTPStatus.OK, self._resource(request)
        except _Refusal as refusal:
            status = refusal.status
            content = {"error": {"status": status.value, "message": refusal.message, "id": status.name.lower()}}
        return Response(status, {name: str(max(0, value)) for name, value in limits.items()}, content)

    def wait(self, came: float) -> None:
        """Wait until the request that came then (monotonic, in seconds) is due for its answer."""
        time.sleep(max(0.0, came + self.plan.latency - time.monotonic()))

    def _resource(self, request: Request) -> dict[str, Any]:
        match [unquote(part) for part in request.path.strip("/").split("/")]:
            case ["v1", "login"]:
                return {"data": {}}
            case ["v1", "auth"]:
                return {"data": self.accounts.auth}
            case ["v1", "teams", team, *rest]:
                if team == self.accounts.auth["entityId"]:  # the token's own team, by its name
                    return self._account(self.accounts.own, rest, request.query, is_team=True)
                if team not in self.accounts.teams:
                    raise _Refusal(HTTPStatus.NOT_FOUND, "Team not found")
                return self._account(self.accounts.teams[team], rest, request.query, is_team=True)
            case ["v1", *rest]:
                return self._account(self.accounts.own, rest, request.query, is_team=False)
        raise _Refusal(HTTPStatus.NOT_FOUND, "Not found")

    def _account(
        self, account: EmulatedAccount, path: list[str], query: dict[str, str], *, is_team: bool
    ) -> dict[str, Any]:
        for endpoint in self.accounts.endpoints:
            matched = endpoint.matched(path, team=is_team)
            if matched is None:
                continue
            project, below = matched
            items = self._teams(account) if endpoint.source == (TEAMS,) else account.items(endpoint, project)
            content = None if items is None else self._below(endpoint, items, below, query)
            if content is not None:
                granted = self.accounts.permissions
                if granted is not None and endpoint.permission_for(below) not in granted:
                    raise _Refusal(HTTPStatus.FORBIDDEN, "Insufficient permissions")
                if endpoint.beside and not below:
                    content["data"] |= {
                        name: account.values[name] for name in endpoint.beside if name in account.values
                    }
                return content
        raise _Refusal(HTTPStatus.NOT_FOUND, "Not found")

    def _teams(self, own: EmulatedAccount) -> list[dict[str, Any]]:
        """Return the list of teams, also for accounts that were not read from a file."""
        named = [{"id": key, "name": team.name} for key, team in self.accounts.teams.items()]
        return own.lists.get(TEAMS) or named

    def _below(
        self, endpoint: Endpoint, items: list[dict[str, Any]], path: list[str], query: dict[str, str]
    ) -> dict[str, Any] | None:
        """Return a list, an item's detail, or what is below it; None if it does not exist."""
        show = as_listed if endpoint.source == ("credentials",) else endpoint.as_listed
        match path:
            case []:
                if not endpoint.paged:
                    return {"data": {endpoint.key: [show(each) for each in items]}}
                return self._page(endpoint.key, items, query, show)
            case [identity, *rest]:
                item = next((each for each in items if each[endpoint.id] == identity), None)
                if item is not None and not rest and endpoint.detail:
                    return {"data": endpoint.whole(item)}
                if item is not None and rest and (below := endpoint.below(rest)) is not None:
                    return self._children(*below, item, query)
        return None

    def _children(
        self, children: Children, name: str, item: dict[str, Any], query: dict[str, str]
    ) -> dict[str, Any] | None:
        items = item.get(children.source, [])
        if children.by:
            items = [each for each in items if each.get(children.by) == name]
        if not children.one:
            return self._page(children.key, items, query)
        one = next(iter(items), None) if children.by else items or None
        return None if one is None else {"data": one}

    def _page(
        self,
        key: str | None,
        items: list[dict[str, Any]],
        query: dict[str, str],
        show: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> dict[str, Any]:
        size = _number(query, "per_page", PAGE_SIZE)
        if size > MOST:
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"per_page must be at most {MOST}")
        start = self._start(_number(query, "page", 1), size)
        if query.get("cursor"):
            try:
                start = int(base64.urlsafe_b64decode(query["cursor"]))
            except ValueError:
                start = -1
            if not 0 <= start < len(items):
                raise _Refusal(HTTPStatus.BAD_REQUEST, "Invalid cursor")
        end = next((end for end in self._ends if end > start), start + size)
        page = [show(item) for item in items[start:end]]
        pagination: dict[str, Any] = {"hasNextPage": end < len(items), "count": len(page)}
        if pagination["hasNextPage"] and self.accounts.cursors:
            pagination["cursor"] = base64.urlsafe_b64encode(str(end).encode()).decode()
        data: Any = page if key is None else {key.rpartition(".")[2]: page}
        if key is not None and "." in key:  # below a second map with its own pagination
            counted = {"page": start // size + 1, "perPage": size, "total": len(items)}
            data = {key.partition(".")[0]: {**data, "pagination": counted}}
        return {"data": data, "pagination": pagination}

    def _start(self, page: int, size: int) -> int:
        """Return where a page begins: the first pages have planned sizes, all others the requested one."""
        if page <= len(self._ends):
            return [0, *self._ends][page - 1]
        planned = self._ends[-1] if self._ends else 0
        return planned + (page - 1 - len(self._ends)) * size


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isdecimal() and len(text) < 10 and int(text) >= 1):  # noqa: PLR2004 - more digits than any page number
        raise _Refusal(HTTPStatus.BAD_REQUEST, f"{name} must be a number from 1")
    return int(text)


def _handler(emulator: Emulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one connection's requests."""

        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one write, to avoid a delayed acknowledgement
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            came = time.monotonic()
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            request = Request(self.command, parts.path, query, self.headers.get("User-Agent", ""))
            self.close_connection |= self.command != "GET"  # its body is not read
            response = emulator.respond(request, self.headers.get("Authorization", ""))
            if self.close_connection:  # a client that is not told may send its next request into the closing
                response.headers["Connection"] = "close"
            fault = emulator.player.due(request)
            raw = response.raw()
            emulator.wait(came)
            if fault is None:
                self.wfile.write(raw)
            else:
                self._misbehave(fault, response)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def _misbehave(self, fault: Fault, response: Response) -> None:
            time.sleep(fault.delay)
            raw = fault.bytes(response)
            step = max(1, len(raw) if fault.trickle is None else int(fault.trickle / 10))
            for start in range(0, len(raw), step):
                self.wfile.write(raw[start : start + step])
                self.wfile.flush()
                if fault.trickle is not None:
                    time.sleep(step / fault.trickle)
            if fault.stall is not None:
                self.connection.settimeout(SILENCE)
                with suppress(OSError):
                    self.connection.recv(1)
            if fault.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                socket.socket.close(self.connection)
            self.close_connection = self.close_connection or any(
                each is not None for each in (fault.cut, fault.stall, fault.raw)
            )

        def log_message(self, *_: object) -> None:
            pass

    return Handler
