"""Sends one short request to a monitor or a gateway.

The address holds a key, so messages show only its host. The session is separate from the API's, without token,
cookies or .netrc. Redirects are not followed, since they would pass the key on.
"""

from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from northflank_audit import __version__
from northflank_audit.bounded import OutOfTime, within
from northflank_audit.transient import RETRIED

TRIES: Final = 3
PAUSE: Final = 0.5
"""Seconds between two attempts."""
TRY_SECONDS: Final = 3.0
"""Seconds for a connection, and for an answer to begin."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an answer that is read, at most."""
_CHUNK: Final = 64 * 1024
LONGEST: Final = 8.0
"""Seconds for all attempts together, whatever the server and the resolver do."""


class NotSent(Exception):
    """The request did not succeed. The text says why, and shows only the address's host."""


class _TransientFailure(NotSent):
    """A temporary failure: another attempt may succeed."""


def send(method: str, url: str, body: bytes = b"", content_type: str = "text/plain; charset=utf-8") -> None:
    """Send a request, with retries. Raises NotSent if no answer is a success (2xx)."""
    _with_retries(url, partial(_once, method, url, body, content_type))


def fetch(url: str) -> bytes:
    """Return the body of an answer to a GET, with retries. Raises NotSent if none is a success, or not too large."""
    content = bytearray()
    _with_retries(url, partial(_once, "GET", url, b"", "", content))
    return bytes(content)


def _with_retries(url: str, request: Callable[[], None]) -> None:
    tries = Retrying(
        retry=retry_if_exception_type(_TransientFailure),
        stop=stop_after_attempt(TRIES),
        wait=wait_fixed(PAUSE),
        reraise=True,
    )

    def attempts() -> None:
        try:
            tries(request)
        except NotSent:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an odd address or answer causes, show no secret
            raise NotSent(f"{host(url)}: {type(error).__name__}") from None

    try:
        # A timeout of requests bounds the wait for each byte, and nothing bounds the resolver.
        within(LONGEST, attempts, "request")
    except OutOfTime:
        raise NotSent(f"{host(url)}: no answer in {LONGEST:g} s") from None


def host(url: str) -> str:
    """Return the part of an address that messages may show."""
    return urlsplit(url).hostname or "?"


def _once(method: str, url: str, body: bytes, content_type: str, content: bytearray | None = None) -> None:
    """Send a request once; `content` takes the answer's body, which is otherwise not read."""
    headers = {"User-Agent": f"northflank-audit/{__version__}", **({"Content-Type": content_type} if body else {})}
    with requests.Session() as session:
        _isolate(session, url)
        try:
            answer = session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                timeout=TRY_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            if content is not None:
                _read(answer, content, url)
        except requests.exceptions.SSLError:
            raise NotSent(f"{host(url)}: TLS failed") from None
        except requests.Timeout:
            raise _TransientFailure(f"{host(url)}: no answer in time") from None
        except requests.ConnectionError:
            raise _TransientFailure(f"{host(url)}: the connection failed") from None
        status = answer.status_code
        answer.close()
    if status in RETRIED:
        raise _TransientFailure(f"{host(url)}: HTTP {status}")
    if status not in range(200, 300):
        raise NotSent(f"{host(url)}: HTTP {status}")


def _read(answer: requests.Response, content: bytearray, url: str) -> None:
    content.clear()
    for chunk in answer.iter_content(_CHUNK):
        content += chunk
        if len(content) > LARGEST:
            answer.close()
            raise NotSent(f"{host(url)}: the answer is larger than {LARGEST // 2**20} MiB")


def _isolate(session: requests.Session, url: str) -> None:
    """Use the environment's proxies and certificate authorities, but not .netrc."""
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = environment["proxies"], environment["verify"], False
