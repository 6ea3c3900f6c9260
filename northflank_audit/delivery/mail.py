"""Mails the report, if the settings ask for it."""

import datetime as dt
import socket
from collections.abc import Callable
from contextlib import suppress
from email.header import Header
from email.headerregistry import HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, make_msgid, parseaddr
from functools import partial
from typing import Final, NamedTuple

from northflank_audit.bounded import OutOfTime, within
from northflank_audit.delivery import smtp
from northflank_audit.delivery.mailconfig import Email, problem_of
from northflank_audit.delivery.when import is_due
from northflank_audit.formats import PAGE, mailbody
from northflank_audit.formats.headline import outcome
from northflank_audit.formats.subject import subject
from northflank_audit.printable import printable
from northflank_audit.report import Report

LARGEST: Final = 7_000_000
"""Bytes of a report that is attached: as base64, with the rest, it stays below the 10 MB that Postfix takes by
default."""
NAME_SECONDS: Final = 3.0
"""Seconds for the resolver to find this machine's name."""


class _Subject(UniqueUnstructuredHeader):
    """A subject that consists of encoded words (RFC 2047).

    If only its dash were one, the standard library would double or lose a space before it at a line's end.
    """

    def fold(self, *, policy: Policy) -> str:
        """Return the header's lines."""
        words = Header(str(self), "utf-8", header_name="Subject").encode(linesep=policy.linesep)
        return f"Subject: {words}{policy.linesep}"


_HEADERS: Final = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)  # type: ignore[arg-type]  # it makes a BaseHeader of it


class Letter(NamedTuple):
    """What a mail says about a report."""

    subject: str
    outcome: str
    """In a word."""
    run: str
    """The run's id."""
    finished_at: dt.datetime
    page: str
    """The whole report as HTML, which is attached."""
    name: str
    """The name of the attachment, without the date."""
    text: Callable[[str], str]
    """Returns the body in plain text, given where the whole report is."""
    html: Callable[[str], str]
    """Returns the body in HTML, likewise."""


def letter(report: Report) -> Letter:
    """Return the mail about a run."""
    return Letter(
        subject(report),
        outcome(report),
        report.run.id,
        report.run.finished_at,
        PAGE.render(report),
        "report",
        partial(mailbody.text, report),
        partial(mailbody.html, report),
    )


def send(report: Report, email: Email, folder: str, patience: smtp.Patience | None = None) -> str:
    """Mail the report if `email.when` applies, and return who got it; `folder` is where the report is kept.

    Raises DeliveryError if that fails.
    """
    if not is_due(email.when, report):
        return not_due(email)
    return post(letter(report), email, folder, patience)


def not_due(email: Email) -> str:
    """Return the receipt of a mail that was not sent because `email.when` does not apply."""
    return f"mail: not sent: nothing matches 'when: {email.when}'"


def post(letter: Letter, email: Email, folder: str, patience: smtp.Patience | None = None) -> str:
    """Send a mail, and return who got it; `folder` is where the report is kept. Raises DeliveryError."""
    sender = email.sender or _this_machine()
    mail = message(letter, email.to, sender, folder)
    addresses = [parseaddr(each)[1] for each in email.to]
    smtp.send(mail, parseaddr(sender)[1], addresses, email.smtp, patience or smtp.Patience())
    return f"mail: to {', '.join(email.to)}"


def message(letter: Letter, to: tuple[str, ...], sender: str, folder: str) -> EmailMessage:
    """Return the mail: plain text and HTML, with the whole report attached unless it is too large."""
    whole = letter.page.encode()
    name = f"{letter.name}-{letter.finished_at:%Y-%m-%d}.html"
    whereabouts = f"The whole report is attached: {name}."
    if len(whole) > LARGEST:
        size = f"{len(whole) / 1_000_000:.0f} MB"
        whereabouts = (
            f"The whole report is too large for a mail ({size}). It is where the audit ran, in the folder {folder}."
        )
    mail = EmailMessage(policy=SMTP.clone(header_factory=_HEADERS))
    mail["Subject"] = letter.subject
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(letter.finished_at)
    mail["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: prevents out-of-office replies
    mail["X-Auto-Response-Suppress"] = "All"  # the same, for Exchange
    mail["X-Northflank-Audit-Outcome"] = letter.outcome
    mail["X-Northflank-Audit-Run"] = printable(letter.run)
    mail.set_content(letter.text(whereabouts), cte="quoted-printable")
    mail.add_alternative(letter.html(whereabouts), subtype="html", cte="quoted-printable")
    if len(whole) <= LARGEST:
        mail.add_attachment(whole, "text", "html", filename=name, params={"charset": "utf-8"})
    return mail


def _this_machine() -> str:
    """Return an address at this machine, as cron would use it."""
    name = ""
    with suppress(OSError, UnicodeError, OutOfTime):  # nothing else bounds the resolver
        name = within(NAME_SECONDS, socket.getfqdn, "hostname")
    address = f"northflank-audit@{name}"
    return address if problem_of(address) is None else "northflank-audit@localhost"
