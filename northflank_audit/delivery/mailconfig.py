"""Recipients, conditions and server of mails."""

from typing import Any, Literal

import msgspec

from northflank_audit.delivery.when import When

Security = Literal["starttls", "tls", "none"]


class Login(msgspec.Struct, frozen=True):
    """The login at the mail server. The password never shows in a repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login(username={self.username!r})"


class Smtp(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server; by default this machine's own, as for cron."""

    host: str = "localhost"
    port: int = 25
    security: Security = "none"
    """Whether the connection becomes TLS (`starttls`), is from the start (`tls`), or stays plain text."""
    login: Login | None = None

    @property
    def place(self) -> str:
        """`host:port`, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """Mail settings."""

    to: tuple[str, ...]
    """Checked addresses, at least one."""
    sender: str | None = None
    """A checked address; None is northflank-audit at this machine."""
    when: When = "violations"
    """Which complete audits send mail; incomplete ones always do."""
    smtp: Smtp = Smtp()


def problem_of(address: str) -> str | None:
    """Return what is wrong with a mail address, for a person; None if it is valid.

    `Name <name@example.com>` is also valid (RFC 5322, 3.4); nothing that could end a header or an SMTP command is.
    """
    from email.policy import SMTP  # noqa: PLC0415 - for nothing where no mail is asked for

    if not address.isprintable():
        return "a mail address contains no line break or other control character"
    try:
        header: Any = SMTP.header_factory("to", address)
        groups, defects = header.groups, header.defects
    except Exception:  # noqa: BLE001 - the library raises many kinds of errors for invalid addresses such as `a@[`
        groups, defects = (), ()
    addresses = [each for group in groups if group.display_name is None for each in group.addresses]
    if defects or len(groups) != 1 or len(addresses) != 1 or not (addresses[0].username and addresses[0].domain):
        return f"'{address}' is not one mail address, such as name@example.com"
    if not addresses[0].addr_spec.isascii():
        return f"'{address}': only ASCII is supported; write an international domain in its xn-- form"
    return None
