"""Sends GET requests to one host, with retries and limits."""

import datetime as dt
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Final, Self
from urllib.parse import urlencode

import requests
from requests.utils import default_headers
from tenacity import RetryCallState

from northflank_audit import __version__, jsontext
from northflank_audit.deadline import Deadline
from northflank_audit.errors import FetchError, Refused
from northflank_audit.northflank.budget import Budget, TokenLimit
from northflank_audit.northflank.circuit import Circuit
from northflank_audit.northflank.masking import TextMask
from northflank_audit.northflank.retry import TransientError, asked_wait, retrying
from northflank_audit.northflank.route import Route, route_to
from northflank_audit.northflank.token import Token
from northflank_audit.northflank.transport import CuttableAdapter, broken
from northflank_audit.printable import shortened
from northflank_audit.transient import RETRIED

log = logging.getLogger(__name__)

USER_AGENT: Final = f"northflank-audit/{__version__}"
CONNECTIONS: Final = 8
"""Requests for details under way at once, at most, in addition to a list's next page."""
ANSWER_TIMEOUT: Final = 30.0
"""Seconds without a byte after which an attempt fails; fewer if the run has less time left."""
MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a decompressed answer; a page of 100 credentials has about 100 KiB."""
_CHUNK: Final = 64 * 1024
_SHORTEST: Final = 0.001
"""Seconds; a time-out of 0 would mean none."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def connections() -> CuttableAdapter:
    """Return an adapter without connections so far."""
    return CuttableAdapter(pool_connections=1, pool_maxsize=CONNECTIONS + 1, max_retries=0)


class Client:
    """One host's API, within one deadline. `get` may be called from several threads."""

    def __init__(
        self,
        base_url: str,
        token: Token,
        *,
        max_attempts: int,
        deadline: Deadline,
        sleep: Callable[[float], None] = time.sleep,
        direct: bool = False,
        max_requests: int | None = None,
        reserve: int = 0,
        shared: TokenLimit | None = None,
        adapter: CuttableAdapter | None = None,
    ) -> None:
        """Prepare without opening a connection. `max_attempts` includes the first attempt.

        `max_requests`, `reserve` and `shared` are for Budget. `adapter` has the connections of the run before, which
        has ended; those of this run are kept for the next. `direct` ignores the environment's proxies and certificate
        authorities. Raises StartError if these can't be used.
        """
        # With a single host, the environment's proxies are looked up once.
        route = Route() if direct else adapter.route if adapter and adapter.route else route_to(base_url)
        self.base_url = base_url.rstrip("/")
        self.deadline = deadline
        self.budget = Budget(deadline, sleep, most=max_requests, reserve=reserve, shared=shared)
        self.retries = 0
        self._token = token
        self._mask = TextMask([token.value, *route.secrets])
        self._max_attempts = max_attempts
        self._sleep = sleep
        self._lock = threading.Lock()
        self._keep = adapter is not None
        # Without requests.Session, which would look for cookies, redirects and a .netrc in place of the token.
        self._adapter = adapter or connections()
        self._adapter.route = route
        self._cut = self._adapter.cut
        self._way: dict[str, Any] = {"proxies": route.proxies, "verify": route.verify}
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Authorization": f"Bearer {token.value}"}
        self._prepared = requests.Request("GET", self.base_url, {**default_headers(), **headers}).prepare()

    def __enter__(self) -> Self:
        """Let the deadline cut every connection from now on."""
        self._watchdog = threading.Timer(self.deadline.remaining, self._cut)
        self._watchdog.daemon = True
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections, which ends requests under way in other threads; idle ones may be kept."""
        self._watchdog.cancel()
        if not self._keep or self.budget.under_way:
            self._cut()
        if not self._keep:
            self._adapter.close()

    def get(
        self,
        path: str,
        query: Mapping[str, str | int],
        *,
        what: str,
        permission: str,
        absent: str = "",
        team: str | None = None,
        page: int | None = None,
        circuit: Circuit | None = None,
        label: str = "",
    ) -> Any:
        """Return the decoded JSON of an answer, with repeated secrets masked.

        `what` names the request in messages, `permission` what a 403 lacks, `absent` what a 404 may mean; logs have
        `team` and `page`; `circuit` has the retry budget; `label` is the type that the request is counted for. Raises
        Refused for a final answer, FetchError when the attempts, the budget or the time are used up.
        """
        tries, spent = 0, False

        def budget() -> bool:
            nonlocal spent
            spent = circuit is not None and not circuit.retry()
            return not spent

        def attempt_log() -> logging.LoggerAdapter[logging.Logger]:
            return logging.LoggerAdapter(log, {"team": team, "page": page, "attempt": tries})

        def waiting(state: RetryCallState) -> None:
            with self._lock:
                self.retries += 1
            failure = state.outcome and state.outcome.exception()
            attempt_log().info("%s: %s; trying again in %.1f s", what, failure, state.upcoming_sleep)

        policy = retrying(self._max_attempts, self.deadline, self._sleep, waiting, budget)
        advice = {403: f"the token needs the permission {permission}", 404: absent}

        def attempt() -> Any:
            nonlocal tries
            tries += 1
            try:
                return self._once(path, query, what, label, advice, attempt_log())
            except MemoryError:
                raise FetchError(f"{what}: the answer needs more memory than there is") from None

        try:
            return policy(attempt)
        except TransientError as failure:
            raise FetchError(self._given_up(what, failure, tries, spent=spent)) from None

    def _given_up(self, what: str, failure: TransientError, tries: int, *, spent: bool) -> str:
        problem, remaining = f"{what}: {failure.problem}", self.deadline.remaining
        gave_up = f"gave up after {tries} {'attempt' if tries == 1 else 'attempts'}"
        if tries >= self._max_attempts:
            return f"{problem} ({gave_up})"
        if spent:
            return f"{problem} ({gave_up}: too many similar requests failed)"
        if failure.after is not None and 0 < remaining <= failure.after:
            time_left = f"{remaining:.0f} s of the run's {self.deadline.seconds:g} s are left"
            return f"{problem} (the server asks to wait {failure.after:.0f} s, and {time_left}; see --timeout)"
        return f"{problem} (the run's time of {self.deadline.seconds:g} s is up; see --timeout)"

    def _once(
        self,
        path: str,
        query: Mapping[str, str | int],
        what: str,
        label: str,
        advice: Mapping[int, str],
        attempt_log: logging.LoggerAdapter[logging.Logger],
    ) -> Any:
        status, headers, body = self._answer(path, query, what, label)
        attempt_log.debug("GET %s %s: HTTP %s, %d bytes", path, dict(query), status, len(body))
        if status != requests.codes.ok:
            raise self._failure(status, headers, f"HTTP {status}{self._error_message(body, what)}", what, advice)
        answer = self._decoded(body, what)
        error = answer.get("error") if isinstance(answer, dict) else None
        if error is not None:
            stated = error.get("status") if isinstance(error, dict) else None
            problem = f"HTTP {status} with an error{self._error_message(body, what)}"
            raise self._failure(stated if isinstance(stated, int) else status, {}, problem, what, advice)
        return answer

    def _answer(
        self, path: str, query: Mapping[str, str | int], what: str, label: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return an answer's status, headers and body, unchecked."""
        if self.deadline.remaining <= 0:
            raise TransientError("not begun")
        self.budget.take(what, label)
        headers: Mapping[str, str] | None = None
        timeout = min(ANSWER_TIMEOUT, max(_SHORTEST, self.deadline.remaining))
        try:
            with self._adapter.send(self._request(path, query), stream=True, timeout=timeout, **self._way) as response:
                headers = response.headers
                return response.status_code, response.headers, self._body(response, what)
        except (FetchError, TransientError, MemoryError):
            raise
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise FetchError(
                    f"{what}: {broken(error)}; see REQUESTS_CA_BUNDLE for an authority of your own"
                ) from None
            raise TransientError(self._broken(error)) from None
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise TransientError(self._broken(error)) from None
        except OSError as error:  # errors of requests, and of files that it reads
            raise FetchError(f"{what}: {self._safe(str(error))}") from None
        except Exception as error:  # noqa: BLE001 - whatever error an odd answer causes, the answer is at fault
            raise TransientError(f"the answer could not be read ({type(error).__name__})") from None
        finally:
            self.budget.settle(headers)

    def _request(self, path: str, query: Mapping[str, str | int]) -> requests.PreparedRequest:
        """Return a request; those of a run have the same headers, which take longer to prepare than the rest."""
        request = copy(self._prepared)
        request.prepare_url(f"{self.base_url}{path}", urlencode(query))
        return request

    def _decoded(self, body: bytes, what: str) -> Any:
        try:
            answer = jsontext.decode(body)
            return self._mask.value(answer) if self._mask.may_be_in(body) else answer
        except jsontext.DuplicateKey as error:
            raise FetchError(f"{what}: the answer contradicts itself: {self._safe(str(error))}") from None
        except jsontext.InvalidJSON as error:
            raise TransientError(f"the answer is {error}") from None
        except RecursionError:
            raise TransientError("the answer is nested too deeply") from None

    def _broken(self, error: requests.RequestException) -> str:
        """Return what broke a connection; after the deadline, that was our own watchdog."""
        cut = self.deadline.remaining <= 0 and not isinstance(error, requests.ConnectTimeout)
        return "no answer in time" if cut else self._safe(broken(error))

    def _body(self, response: requests.Response, what: str) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_content(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise FetchError(f"{what}: the answer is larger than {MAX_BODY // 2**20} MiB")
            if self.deadline.remaining <= 0:
                raise TransientError("the answer did not end in time")
        return b"".join(chunks)

    def _failure(
        self, status: int, headers: Mapping[str, str], problem: str, what: str, advice: Mapping[int, str]
    ) -> Exception:
        if status in RETRIED or status >= 500:  # noqa: PLR2004 - the server's errors
            return TransientError(problem, asked_wait(status, headers, dt.datetime.now(dt.UTC)))
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            target = self._safe(headers.get("Location", "nowhere"))
            return Refused(
                f"{what}: HTTP {status} redirects to {target}; the token goes to no other address; is --api-url right?",
                status,
            )
        reasons = {
            401: f"the token came from {self._token.origin}: is it complete and still valid?",
            404: f"is --api-url {self.base_url} right, and the team's id?",
        }
        hint = advice.get(status) or reasons.get(status)
        return Refused(f"{what}: {problem}" + (f"; {hint}" if hint else ""), status)

    def _error_message(self, body: bytes, what: str) -> str:
        """Return the message of an error answer, if it is the API's own."""
        try:
            error = self._decoded(body, what)["error"]
            message = error if isinstance(error, str) else error["message"]
        except (TransientError, FetchError, KeyError, TypeError, IndexError):
            return " (not in the API's form; from a proxy?)" if body.lstrip()[:1] == b"<" else ""
        return f": {self._safe(str(message))}"

    def _safe(self, text: str) -> str:
        """Return text from outside on one line, short, and without secrets."""
        text = _CONTROL.sub(" ", self._mask.text(text))
        return shortened(text, 300)
