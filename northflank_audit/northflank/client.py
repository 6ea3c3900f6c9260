"""GET requests to one host: pooled, retried, bounded in time and size, and without a word of the token."""

import datetime as dt
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from tenacity import RetryCallState

from northflank_audit import __version__, jsontext
from northflank_audit.errors import FetchError, Refused
from northflank_audit.northflank.ratelimit import RateLimit
from northflank_audit.northflank.retry import RETRIED, Deadline, Passing, asked_wait, retrying
from northflank_audit.northflank.token import Token, is_loopback
from northflank_audit.northflank.transport import UNRESOLVED, CuttableAdapter

log = logging.getLogger(__name__)

USER_AGENT: Final = f"northflank-audit/{__version__}"
CONNECTIONS: Final = 8
"""Requests for details under way at once, at most; a list's next page may be under way besides."""
ANSWER_TIMEOUT: Final = 30.0
"""Seconds without a byte after which a try counts as failed; less where the run has less left."""
MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a decompressed answer; one page of 100 credentials has some 100 KiB."""
SHORTEST_TOKEN: Final = 6
"""Characters: a shorter one is a stand-in, and can't be told from a part of a word."""
_CHUNK: Final = 64 * 1024
_CONNECTION = re.compile(r"^\w+\(host=.*?\): ")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


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
    ) -> None:
        """Open no connection yet. `max_attempts` counts the first try as well."""
        self.base_url = base_url.rstrip("/")
        self.deadline = deadline
        self.rate_limit = RateLimit(deadline.clock)
        self.requests = 0
        self.retries = 0
        self._token = token
        # Also as JSON may write its slashes, should the other side say it back.
        forms = {token.value.encode(), token.value.replace("/", "\\/").encode()}
        self._masked = forms if len(token.value) >= SHORTEST_TOKEN else set()
        self._max_attempts = max_attempts
        self._sleep = sleep
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", "Authorization": f"Bearer {token.value}"}
        )
        adapter = CuttableAdapter(pool_connections=1, pool_maxsize=CONNECTIONS + 1, max_retries=0)
        self._cut = adapter.cut
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # There is one host, so what the environment says of proxies and authorities is looked up once; and no
        # .netrc takes the token's place.
        environment = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = _proxies(self.base_url, environment), environment["verify"]
        self._session.trust_env = False

    def __enter__(self) -> Self:
        """From now on, the deadline cuts every connection."""
        self._watchdog = threading.Timer(self.deadline.remaining, self._cut)
        self._watchdog.daemon = True
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections, and end the requests that are still under way in other threads."""
        self._watchdog.cancel()
        self._cut()
        self._session.close()

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
    ) -> Any:
        """Return the decoded JSON of an answer.

        `what` names the request in messages, `permission` what a 403 lacks, `absent` what a 404 may mean; logs have
        `team` and `page`. Raises Refused for an answer that is final, FetchError when the tries or the time are used
        up.
        """
        tries = 0

        def told() -> logging.LoggerAdapter[logging.Logger]:
            return logging.LoggerAdapter(log, {"team": team, "page": page, "attempt": tries})

        def waiting(state: RetryCallState) -> None:
            with self._lock:
                self.retries += 1
            failure = state.outcome and state.outcome.exception()
            told().info("%s: %s; trying again in %.1f s", what, failure, state.upcoming_sleep)

        policy = retrying(self._max_attempts, self.deadline, self._sleep, waiting)
        advice = {403: f"the token needs the permission {permission}", 404: absent}

        def attempt() -> Any:
            nonlocal tries
            tries += 1
            try:
                return self._once(path, query, what, advice, told())
            except MemoryError:
                raise FetchError(f"{what}: the answer needs more memory than there is") from None

        try:
            return policy(attempt)
        except Passing as failure:
            raise FetchError(self._given_up(what, failure, tries)) from None

    def wait_for_window(self) -> bool:
        """Wait until the rate limit's window ends, if that fits into the run's time; tell whether it does."""
        seconds = self.rate_limit.resets_in
        if seconds >= self.deadline.remaining:
            return False
        log.info("the rate limit is used up; going on in %.0f s", seconds)
        self._sleep(seconds)
        return True

    def _given_up(self, what: str, failure: Passing, tries: int) -> str:
        problem = f"{what}: {failure.problem}"
        if tries >= self._max_attempts:
            return f"{problem} (gave up after {tries} {'try' if tries == 1 else 'tries'})"
        if failure.after is not None and self.deadline.remaining > 0:
            left = f"{self.deadline.remaining:.0f} s of the run's {self.deadline.seconds:g} s are left"
            return f"{problem} (the server asks to wait {failure.after:.0f} s, and {left}; see --timeout)"
        return f"{problem} (the run's time of {self.deadline.seconds:g} s is up; see --timeout)"

    def _once(
        self,
        path: str,
        query: Mapping[str, str | int],
        what: str,
        advice: Mapping[int, str],
        told: logging.LoggerAdapter[logging.Logger],
    ) -> Any:
        timeout = min(ANSWER_TIMEOUT, self.deadline.remaining)
        if timeout <= 0:
            raise Passing("not begun")
        with self._lock:
            self.requests += 1
        try:
            with self._session.get(
                f"{self.base_url}{path}", params=query, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                self.rate_limit.told(response.headers)
                body = self._body(response, what)
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise FetchError(
                    f"{what}: {_plainly(error)}; see REQUESTS_CA_BUNDLE for an authority of your own"
                ) from None
            raise Passing(self._broken(error)) from None
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as error:
            raise Passing(self._broken(error)) from None
        except requests.RequestException as error:
            raise FetchError(f"{what}: {self._safe(str(error))}") from None
        told.debug("GET %s %s: HTTP %s, %d bytes", path, dict(query), response.status_code, len(body))
        if response.status_code != requests.codes.ok:
            raise self._failure(response, body, what, advice)
        try:
            return jsontext.decode(body)
        except jsontext.DuplicateKey as error:
            raise FetchError(f"{what}: the answer contradicts itself: {error}") from None
        except jsontext.InvalidJSON as error:
            raise Passing(f"the answer is {error}") from None

    def _broken(self, error: requests.RequestException) -> str:
        """Return what broke a connection; at the deadline that was the watchdog."""
        cut = self.deadline.remaining <= 0 and not isinstance(error, requests.ConnectTimeout)
        return "no answer in time" if cut else self._safe(_plainly(error))

    def _body(self, response: requests.Response, what: str) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_content(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise FetchError(f"{what}: the answer is larger than {MAX_BODY // 2**20} MiB")
            if self.deadline.remaining <= 0:
                raise Passing("the answer did not end in time")
        return self._without_token(b"".join(chunks))

    def _failure(self, response: requests.Response, body: bytes, what: str, advice: Mapping[int, str]) -> Exception:
        status = response.status_code
        problem = f"HTTP {status}{self._said(body)}"
        if status in RETRIED or status >= 500:  # noqa: PLR2004 - the server's errors
            return Passing(problem, asked_wait(status, response.headers, dt.datetime.now(dt.UTC)))
        if response.is_redirect or 300 <= status < 400:  # noqa: PLR2004 - redirects
            target = self._safe(response.headers.get("Location", "nowhere"))
            return Refused(
                f"{what}: HTTP {status} leads to {target}, and the token goes to no other address; is --api-url right?",
                status,
            )
        known = {
            401: f"the token came from {self._token.origin}: is it whole, and still valid?",
            404: f"is --api-url {self.base_url} right, and the team's id?",
        }
        hint = advice.get(status) or known.get(status)
        return Refused(f"{what}: {problem}" + (f"; {hint}" if hint else ""), status)

    def _said(self, body: bytes) -> str:
        """Return what an error answer says, if it is one of the API's own."""
        try:
            message = jsontext.decode(body)["error"]["message"]
        except (jsontext.InvalidJSON, KeyError, TypeError, IndexError):
            return " (and not in the API's words: a proxy's?)" if body.lstrip()[:1] == b"<" else ""
        return f": {self._safe(str(message))}"

    def _without_token(self, text: bytes) -> bytes:
        """Return what came without the token, should the other side say it."""
        for form in self._masked:
            text = text.replace(form, b"***")
        return text

    def _safe(self, text: str) -> str:
        """Return text from outside on one line, short, and without the token."""
        text = _CONTROL.sub(" ", self._without_token(text.encode()).decode())
        return text if len(text) <= 300 else f"{text[:300]}…"  # noqa: PLR2004 - as the docstring says


def _proxies(base_url: str, environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment's proxies; for plain http those on this machine, since they see the token."""
    found: dict[str, str] = dict(environment["proxies"])
    if base_url.startswith("https:"):
        return found
    return {scheme: proxy for scheme, proxy in found.items() if is_loopback(urlsplit(proxy).hostname or "")}


def _plainly(error: requests.RequestException) -> str:
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
    text = _CONTROL.sub(" ", _CONNECTION.sub("", str(inner)))
    if "timed out" in text.lower():
        return "no answer in time"
    return (
        f"the connection broke ({text})"
        if not isinstance(error, requests.exceptions.SSLError)
        else f"TLS failed ({text})"
    )
