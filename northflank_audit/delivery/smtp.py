"""Sends a mail over verified TLS, with retries and time limits."""

import base64
import io
import logging
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from northflank_audit.bounded import OutOfTime, within
from northflank_audit.delivery.mailconfig import Login, Smtp
from northflank_audit.errors import DeliveryError
from northflank_audit.printable import printable

LOG = logging.getLogger(__name__)
_LONGEST: Final = 300
"""Characters of a server's answer that are shown."""
_MOST: Final = 1_000_000
"""Bytes that are read of a server's answers, of a whole connection."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try."""

    attempts: int = 4
    limit: float = 90.0
    """Seconds in total, whatever the server does."""
    timeout: float = 20.0
    """Seconds to wait for one answer."""
    sleep: Callable[[float], None] = time.sleep


class _Abandoned(Exception):
    """The time is up; the result is no longer awaited."""


class _Endless(Exception):
    """The server's answers exceed the limit."""


class _Postponed(Exception):
    """The server asks to send the mail to some recipients later."""


@dataclass(slots=True)
class _Post:
    """A mail that is being sent, with its outcome for each recipient."""

    server: Smtp
    sender: str
    pending: list[str]
    """Recipients for whom the server has neither accepted nor finally refused it."""
    content: bytes
    refused: dict[str, str] = field(default_factory=dict)
    """Recipients for whom it was finally refused, with the server's answer."""
    problem: str = ""
    """Why the last attempt failed."""
    connection: smtplib.SMTP | None = None
    """The current connection."""
    abandoned: bool = False
    """Whether the result is no longer awaited."""

    def abandon(self) -> None:
        """Stop sending, so that a mail that was reported as failed does not arrive later."""
        self.abandoned = True
        if self.connection is not None and self.connection.sock is not None:
            with suppress(OSError):
                self.connection.sock.shutdown(socket.SHUT_RDWR)

    def settle(self, answers: dict[str, tuple[int, bytes]]) -> None:
        """Record the outcome: the server accepted the mail for all recipients without an entry in `answers`."""
        final = {address: answer for address, answer in answers.items() if not _is_transient_code(answer[0])}
        self.refused |= {address: self.answer(*answer) for address, answer in final.items()}
        self.pending = [address for address in self.pending if address in answers and address not in final]

    def answer(self, code: int, text: bytes | str) -> str:
        """Return a server's answer on one line, without a repeated password."""
        message = text.decode(errors="replace") if isinstance(text, bytes) else text
        return masked(f"{code} {printable(message)}".strip(), self.server.login)[:_LONGEST]


def send(message: EmailMessage, sender: str, to: Sequence[str], server: Smtp, patience: Patience) -> None:
    """Send a mail to each address. Raises DeliveryError with those for which the server did not accept it.

    Temporary failures are tried again: a broken connection, silence, an answer 4xx (RFC 5321, 4.2.1). If the
    connection breaks right after the mail, it may arrive twice, with the same Message-ID.
    """
    post = _Post(server, sender, list(dict.fromkeys(to)), message.as_bytes(policy=SMTP))
    late = False
    try:
        # Timeouts bound neither name resolution nor a server that sends a byte now and then.
        within(patience.limit, partial(_work, post, patience), "mail")
    except OutOfTime:
        late = True
    # Read now, because the thread will next report that its connection was cut.
    pending, final, problem = list(post.pending), dict(post.refused), post.problem
    if late and pending:
        problem = f"{problem or 'it does not answer'} (given up after {patience.limit:g} s)"
    post.abandon()
    refused = [f"{address} ({said})" for address, said in final.items()]
    problems = [f"the mail server {server.place} refuses {', '.join(refused)}"] if refused else []
    problems += [f"the mail server {server.place} did not take the mail to {', '.join(pending)}: {problem}"] * bool(
        pending
    )
    if problems:
        raise DeliveryError("; ".join(problems))


def _work(post: _Post, patience: Patience) -> None:
    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(patience.attempts),
        wait=wait_exponential(multiplier=2) + wait_random(0, 2),
        sleep=patience.sleep,
        before_sleep=lambda state: _log_retry(post, state),
        reraise=True,
    )
    try:
        retrying(_try, post, patience.timeout)
    except Exception as error:  # noqa: BLE001 - the waiting thread raises it again
        post.problem = _problem(post, error)
        tries = retrying.statistics.get("attempt_number", 1)
        post.problem += f" ({tries} attempts)" if tries > 1 else ""


def _log_retry(post: _Post, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    post.problem = _problem(post, error)
    LOG.info("mail: %s: %s; tried again in %.1f s", post.server.place, post.problem, state.upcoming_sleep)


def _try(post: _Post, timeout: float) -> None:
    with _connected(post.server, timeout) as connection:
        post.connection = connection
        if post.abandoned:
            raise _Abandoned
        try:
            refused = connection.sendmail(post.sender, post.pending, post.content)
        except smtplib.SMTPRecipientsRefused as error:
            # After a 421 the server got no further recipient, so nobody has received the mail.
            refused = dict.fromkeys(post.pending, list(error.recipients.values())[-1]) | error.recipients
        post.settle(refused)
    if post.pending:
        raise _Postponed(post.answer(*refused[post.pending[0]]))


@contextmanager
def _connected(server: Smtp, timeout: float) -> Iterator[smtplib.SMTP]:
    """Connect and log in. If TLS is requested, there is no fallback to plain text."""
    context = ssl.create_default_context()
    connection = (
        _SmtpOverTls(server.host, server.port, timeout=timeout, context=context)
        if server.security == "tls"
        else _Smtp(server.host, server.port, timeout=timeout)
    )
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
        if server.login is not None:
            connection.login(server.login.username, server.login.password)
        yield connection
        with suppress(OSError):  # the mail is accepted, whatever the answer to QUIT
            connection.quit()
    finally:
        connection.close()


class _Answers(io.BufferedReader):
    """A server's answers, bounded in total: an answer may have any number of lines."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(socket.SocketIO(connection, "r"))
        self._room = _MOST

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self._room -= len(line)
        if self._room < 0:
            raise _Endless
        return line


class _Smtp(smtplib.SMTP):
    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Answers(self.sock)
        return super().getreply()


class _SmtpOverTls(_Smtp, smtplib.SMTP_SSL):
    pass


def _is_transient_code(code: int) -> bool:
    return 400 <= code < 500  # noqa: PLR2004 - RFC 5321, 4.2.1: transient negative completion


def _is_transient(error: BaseException) -> bool:
    """Return whether a failure is temporary."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _is_transient_code(error.smtp_code)
    if isinstance(error, smtplib.SMTPServerDisconnected | _Postponed | ssl.SSLEOFError):
        return True
    return isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException | ssl.SSLError)


def _problem(post: _Post, error: BaseException | None) -> str:
    """Return what a server did, and what to do about it."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(post, error)
    if isinstance(error, _Postponed):
        return f"it accepts the mail only later ({error})"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if "AUTH" in str(error):
            return "it offers no login: omit 'username', or check the port"
        return "it offers no STARTTLS, and the mail is not sent unencrypted: should it be 'security: tls'?"
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = "check 'host', or set SSL_CERT_FILE to the certificate of your own authority"
        return f"its certificate is not trusted ({error.verify_message}): {advice}"
    return _broken(post, error)


def _broken(post: _Post, error: BaseException | None) -> str:
    """Return the same for a connection that failed or broke."""
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "it does not answer: check host, port and 'security'"
    if isinstance(error, smtplib.SMTPServerDisconnected | ssl.SSLEOFError | ConnectionResetError):
        return "it closed the connection"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason}): check whether the port fits 'security: {post.server.security}'"
    if type(error) is smtplib.SMTPException:  # raised if client and server share no login method
        return "it accepts no password (none of CRAM-MD5, PLAIN, LOGIN): check how programs log in there"
    if isinstance(error, OSError) and error.strerror:
        return f"it can't be reached ({error.strerror}): check host and port"
    why = "its answers are too long" if isinstance(error, _Endless) else type(error).__name__
    return f"the conversation failed ({why})"


def _refusal(post: _Post, error: smtplib.SMTPResponseException) -> str:
    answer = post.answer(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses the login ({answer}): check username and password"
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"it refuses the sender {post.sender} ({answer}): check 'from'"
    if isinstance(error, smtplib.SMTPDataError):
        return f"it refuses the mail ({answer})"
    return f"it refuses the connection ({answer})"


def masked(text: str, login: Login | None) -> str:
    """Return text without the password in any form in which a login sends it."""
    if login is None:
        return text
    plain = f"\0{login.username}\0{login.password}"
    forms = [login.password, *(base64.b64encode(each.encode()).decode() for each in (plain, login.password))]
    return re.sub("|".join(map(re.escape, sorted(forms, key=len, reverse=True))), "•••", text)
