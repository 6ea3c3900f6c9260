"""Mails the report, if the settings ask for it."""

import socket
from contextlib import suppress
from email.header import Header
from email.headerregistry import HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Final

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


def send(report: Report, email: Email, folder: str, patience: smtp.Patience | None = None) -> str:
    """Mail the report if `email.when` applies, and return who got it; `folder` is where the report is kept.

    Raises DeliveryError if that fails.
    """
    if not is_due(email.when, report):
        return f"mail: not sent: nothing matches 'when: {email.when}'"
    sender = email.sender or _this_machine()
    mail = message(report, email.to, sender, folder)
    addresses = [parseaddr(each)[1] for each in email.to]
    smtp.send(mail, parseaddr(sender)[1], addresses, email.smtp, patience or smtp.Patience())
    return f"mail: to {', '.join(email.to)}"


def message(report: Report, to: tuple[str, ...], sender: str, folder: str) -> EmailMessage:
    """Return the mail: plain text and HTML, with the whole report attached unless it is too large."""
    whole = PAGE.render(report).encode()
    name = f"report-{report.run.finished_at:%Y-%m-%d}.html"
    whereabouts = f"The whole report is attached: {name}."
    if len(whole) > LARGEST:
        size = f"{len(whole) / 1_000_000:.0f} MB"
        whereabouts = (
            f"The whole report is too large for a mail ({size}). It is where the audit ran, in the folder {folder}."
        )
    mail = EmailMessage(policy=SMTP.clone(header_factory=_HEADERS))
    mail["Subject"] = subject(report)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(report.run.finished_at)
    mail["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: prevents out-of-office replies
    mail["X-Auto-Response-Suppress"] = "All"  # the same, for Exchange
    mail["X-Northflank-Audit-Outcome"] = outcome(report)
    mail["X-Northflank-Audit-Run"] = printable(report.run.id)
    mail.set_content(mailbody.text(report, whereabouts), cte="quoted-printable")
    mail.add_alternative(mailbody.html(report, whereabouts), subtype="html", cte="quoted-printable")
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
