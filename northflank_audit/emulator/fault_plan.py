"""Fault plans: which faults the emulator plays on which requests."""

import threading
import zlib
from fnmatch import fnmatchcase
from http import HTTPStatus
from itertools import count
from typing import Any, Final, Literal

import msgspec

from northflank_audit.emulator.input_files import Reader, converted, read

LIMIT: Final = 1000
"""Requests an hour, as the API allows by default."""
HOUR: Final = 3600.0
FIRST: Final = "MA=="
"""The cursor of the first page: base64 of 0."""
_BLOCK: Final = 1024 * 1024


class Request(msgspec.Struct, frozen=True):
    """A received request."""

    method: str
    path: str
    query: dict[str, str]
    user_agent: str


class Response(msgspec.Struct, frozen=True):
    """The answer: JSON, unless a fault changes it."""

    status: int
    headers: dict[str, str]
    content: Any
    body: bytes | None = None
    """Sent instead of `content`."""

    def raw(self) -> bytes:
        """Return the bytes of the whole answer, head included."""
        body = msgspec.json.encode(self.content) if self.body is None else self.body
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Status"
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} {reason}\r\n{head}\r\n".encode("latin-1") + body


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A fault. The first of a plan that matches a request is played."""

    # Which requests
    path: str = "*"
    """Shell wildcard over the percent-encoded path."""
    query: dict[str, str] = {}
    """Shell wildcards over parameters that must be present."""
    nth: int | list[int] | str = "1-"
    """Which of the matching requests, counted from 1: `2`, `[1, 3]`, `2-4`, `2-`."""

    # What the answer says
    status: int | None = None
    """With the API's own error body, unless `body` is also given."""
    headers: dict[str, str] = {}
    patch: dict[str, Any] = {}
    """Merged into the true answer (RFC 7396: null removes)."""
    loop: bool = False
    """The page claims a next one, and its cursor leads to the first."""
    redirect: str | None = None
    """The target, with status 302 unless `status` says otherwise."""
    body: str | None = None
    repeat: int = 1
    """How often `body` is repeated in an answer."""
    gzip: bool = False
    raw: str | None = None
    """The whole answer, head included, as it goes over the wire. Then the connection is closed, which an answer that is
    complete must say: `Connection: close`."""
    before: str = ""
    """What goes over the wire ahead of the answer, as interim answers do."""

    # How it is sent
    delay: float = 0.0
    """Seconds before the first byte."""
    trickle: float | None = None
    """Bytes per second."""
    cut: int | Literal["head"] | None = None
    """Bytes of the answer after which the connection is closed; negative: from its end; `head`: after the head."""
    stall: int | Literal["head"] | None = None
    """Like `cut`, but the connection stays open and silent."""
    reset: bool = False
    """Ends with a TCP reset."""

    def __post_init__(self) -> None:
        """Refuse a fault that can't be played."""
        _numbers(self.nth)
        if self.trickle is not None and self.trickle <= 0:
            raise ValueError("trickle is bytes per second, more than 0")

    def fits(self, request: Request) -> bool:
        """Return whether this request matches and is counted."""
        query = request.query
        return fnmatchcase(request.path, self.path) and all(
            name in query and fnmatchcase(query[name], pattern) for name, pattern in self.query.items()
        )

    def among(self, number: int) -> bool:
        """Return whether the fault is played at this count."""
        return any(first <= number <= last for first, last in _numbers(self.nth))

    def applied(self, response: Response) -> Response:
        """Return the true answer, changed by this fault."""
        status, headers, content = self.status or response.status, dict(response.headers), response.content
        body = None if self.body is None else self.body.encode()
        if self.redirect is not None:
            status = self.status or HTTPStatus.FOUND
            headers["Location"] = self.redirect
        if self.status is not None or self.redirect is not None:
            content = {"error": {"status": status, "message": "A planned fault", "id": "fault"}}
        if self.loop:
            content = merged(content, {"pagination": {"hasNextPage": True, "cursor": FIRST}})
        content = merged(content, self.patch)
        if self.gzip:
            headers["Content-Encoding"] = "gzip"
            body = _zipped(msgspec.json.encode(content) if body is None else body, self.repeat)
        elif body is not None:
            body *= self.repeat
        return Response(status, headers | self.headers, content, body)

    def bytes(self, response: Response) -> bytes:
        """Return the bytes to send, including the head."""
        raw = self.applied(response).raw() if self.raw is None else self.raw.encode("latin-1")
        raw = self.before.encode("latin-1") + raw
        end = self.cut if self.stall is None else self.stall
        return raw[: raw.index(b"\r\n\r\n") + 4 if end == "head" else end]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The server's behaviour: limits, page sizes and faults."""

    latency: float = 0.0
    """Seconds from a request to its answer, the emulator's own work included."""
    rate_limit: int = LIMIT
    """Requests per window."""
    window: float = HOUR
    """Seconds, from the first request."""
    page_sizes: list[int] = []
    """The most results on each of the first pages."""
    faults: list[Fault] = []


def load_plan(path: str, reader: Reader = read) -> Plan:
    """Read a plan from YAML or JSON. Raises StartError; for a mistake in the file it is Mistakes, with its position."""
    return converted(path, (), reader(path) or {}, Plan, Fault)


class Player:
    """Finds the fault that is due; safe for several threads."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = [(fault, count(1)) for fault in faults]
        self._lock = threading.Lock()

    def due(self, request: Request) -> Fault | None:
        """Count the request, and return the first fault that is due on it."""
        with self._lock:
            due = [fault for fault, counter in self._faults if fault.fits(request) and fault.among(next(counter))]
        return due[0] if due else None


def merged(target: Any, patch: Any) -> Any:
    """Return JSON with a patch merged into it, by RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _numbers(nth: int | list[int] | str) -> list[tuple[float, float]]:
    if isinstance(nth, str):
        first, dash, last = nth.partition("-")
        if not first.isdecimal() or not dash or not (last == "" or last.isdecimal()):
            raise ValueError(f"nth is a number, a list of numbers, or a range such as '2-4' or '2-', not '{nth}'")
        return [(int(first), int(last) if last else float("inf"))]
    return [(number, number) for number in ([nth] if isinstance(nth, int) else nth)]


def _zipped(body: bytes, repeat: int) -> bytes:
    """Return `body` × `repeat`, compressed without ever being held."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)  # 16: as gzip
    each = max(1, _BLOCK // max(1, len(body)))
    packed = [packer.compress(body * min(each, repeat - done)) for done in range(0, repeat, each)]
    return b"".join([*packed, packer.flush()])
