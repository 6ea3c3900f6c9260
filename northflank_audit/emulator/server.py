"""The HTTP server: endpoints, pages, token and rate limit, as API.md's sources describe them."""

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from northflank_audit.emulator.accounts import Account, Accounts, listed
from northflank_audit.errors import StartError

LIMIT = 1000
"""Requests an hour, as the API allows by default."""
HOUR = 3600
PAGE_SIZE, MOST = 50, 100
"""Results a request, where it does not say, and at most."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    user_agent: str


class _Refusal(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Emulator:
    """A server on loopback, serving within `with`, or until stopped by `serve_forever`."""

    def __init__(
        self,
        accounts: Accounts,
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        latency: float = 0.0,
        rate_limit: int = LIMIT,
    ) -> None:
        """Bind. `latency` is in seconds and comes before each answer. Raises StartError where the port is taken."""
        self.accounts = accounts
        self.token = token or f"nf-{secrets.token_urlsafe(24)}"  # never with a dash first, as an option
        self.latency = latency
        self.requests: list[Request] = []
        self._limit = rate_limit
        self._lock = threading.Lock()
        self._hour_began: float | None = None
        self._hour_requests = 0
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(self))
        except OSError as error:
            raise StartError(f"can't serve on {host}:{port} ({error.strerror})") from None
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve until an exception, such as a signal handler's, ends it."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def limits(self, request: Request) -> dict[str, int]:
        """Count a request and return the rate limit's headers; remaining is below 0 where it is used up."""
        with self._lock:
            self.requests.append(request)
            now = time.monotonic()
            if self._hour_began is None or now - self._hour_began >= HOUR:
                self._hour_began, self._hour_requests = now, 0
            self._hour_requests += 1
            return {
                "x-ratelimit-limit": self._limit,
                "x-ratelimit-remaining": self._limit - self._hour_requests,
                "x-ratelimit-reset": int(HOUR - (now - self._hour_began)),
            }

    def answer(self, request: Request, authorization: str) -> dict[str, Any]:
        """Return the body for a GET. Raises _Refusal."""
        if not secrets.compare_digest(authorization.encode(), f"Bearer {self.token}".encode()):
            raise _Refusal(HTTPStatus.UNAUTHORIZED, "Invalid or missing API token")
        match [unquote(part) for part in request.path.strip("/").split("/")]:
            case ["v1", "login"]:
                return {"data": {}}
            case ["v1", "teams"]:
                teams = [{"id": key, "name": team.name} for key, team in self.accounts.teams.items()]
                return self._page("teams", teams, request.query)
            case ["v1", "teams", team, *rest]:
                if team not in self.accounts.teams:
                    raise _Refusal(HTTPStatus.NOT_FOUND, "Team not found")
                return self._account(self.accounts.teams[team], rest, request.query)
            case ["v1", *rest]:
                return self._account(self.accounts.own, rest, request.query)
        raise _Refusal(HTTPStatus.NOT_FOUND, "Not found")

    def _account(self, account: Account, path: list[str], query: dict[str, str]) -> dict[str, Any]:
        match path:
            case ["integrations", "registries"]:
                page = self._page("credentials", account.credentials, query)
                page["data"]["credentials"] = [listed(item) for item in page["data"]["credentials"]]
                return page
            case ["integrations", "registries", credential_id]:
                for item in account.credentials:
                    if item["id"] == credential_id:
                        return {"data": item}
            case ["projects"]:
                return self._page("projects", account.projects, query)
        raise _Refusal(HTTPStatus.NOT_FOUND, "Not found")

    def _page(self, key: str, items: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        size = _number(query, "per_page", PAGE_SIZE)
        if size > MOST:
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"per_page must be at most {MOST}")
        start = (_number(query, "page", 1) - 1) * size
        if query.get("cursor"):
            try:
                start = int(base64.urlsafe_b64decode(query["cursor"]))
            except ValueError:
                start = -1
            if not 0 < start < len(items):
                raise _Refusal(HTTPStatus.BAD_REQUEST, "Invalid cursor")
        found = items[start : start + size]
        pagination: dict[str, Any] = {"hasNextPage": start + size < len(items), "count": len(found)}
        if pagination["hasNextPage"] and self.accounts.cursors:
            pagination["cursor"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        return {"data": {key: found}, "pagination": pagination}


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isdecimal() and len(text) < 10 and int(text) >= 1):  # noqa: PLR2004 - a page nobody reaches
        raise _Refusal(HTTPStatus.BAD_REQUEST, f"{name} must be a number from 1")
    return int(text)


def _handler(emulator: Emulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one connection's requests."""

        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one write: two would wait for each other (delayed acknowledgement)
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            request = Request(
                self.command, parts.path, dict(parse_qsl(parts.query)), self.headers.get("User-Agent", "")
            )
            limits = emulator.limits(request)
            if emulator.latency:
                time.sleep(emulator.latency)
            try:
                if limits["x-ratelimit-remaining"] < 0:
                    raise _Refusal(HTTPStatus.TOO_MANY_REQUESTS, "Rate limit exceeded")  # noqa: TRY301
                if self.command != "GET":
                    self.close_connection = True  # its body is not read
                    raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "This emulator only reads")  # noqa: TRY301
                status, body = HTTPStatus.OK, emulator.answer(request, self.headers.get("Authorization", ""))
            except _Refusal as refusal:
                status = refusal.status
                body = {"error": {"status": status.value, "message": refusal.message, "id": status.name.lower()}}
            limits["x-ratelimit-remaining"] = max(0, limits["x-ratelimit-remaining"])
            self._send(status, body, limits)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def _send(self, status: HTTPStatus, body: dict[str, Any], headers: dict[str, int]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
