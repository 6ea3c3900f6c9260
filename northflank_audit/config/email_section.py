"""The config file's section `email`: its form, validation and settings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from northflank_audit import typed
from northflank_audit.delivery.mailconfig import Email, Login, Security, Smtp, problem_of
from northflank_audit.delivery.when import When
from northflank_audit.documents.conversion import converted
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError, StartError
from northflank_audit.northflank.token import TOKEN_VARIABLES, is_loopback
from northflank_audit.reading import read_text

SECTION: Final = "email"
_HERE: Final[Path] = (SECTION,)
_SERVER: Final[Path] = (SECTION, "smtp")
_PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}
"""RFC 6409, RFC 8314, RFC 5321."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST: Final = re.compile(r"[^\x00-\x20\x7f:/@?#\[\]]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")
"""A name, IPv4 or IPv6, without a port, a user or a password."""

Text = Annotated[str, Meta(min_length=1)]


class SmtpSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The mail server."""

    host: Annotated[
        Text,
        Meta(description="The mail server's name or address.", extra_json_schema={"pattern": f"^({_HOST.pattern})$"}),
    ]
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="The port; by default 587 for starttls, 465 for tls, 25 for none."),
    ] = None
    security: Annotated[
        Security, Meta(description="STARTTLS, TLS from the start, or none; a password without TLS is refused.")
    ] = "starttls"
    username: Annotated[Text | None, Meta(description="The user name to log in with; without it, no login.")] = None
    password_env: Annotated[
        Text | None, Meta(description="The name of the environment variable that holds the password.")
    ] = None
    password_file: Annotated[Text | None, Meta(description="The file that holds the password.")] = None


class EmailSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is mailed, when, and by which server."""

    to: Annotated[list[Text] | str, Meta(description="The recipients; --email-to adds to them.")] = []
    sender: Annotated[Text | None, Meta(description="The sender; by default northflank-audit at this machine.")] = (
        msgspec.field(default=None, name="from")
    )
    when: Annotated[
        When,
        Meta(
            description="always; if there are violations; or if something changed since the report of --compare. "
            "An incomplete audit is always mailed."
        ),
    ] = "violations"
    smtp: Annotated[
        SmtpSection | None, Meta(description="The mail server; by default this machine's own, at port 25.")
    ] = None


def diagnostics(document: Document) -> list[FileError]:
    """Return every mistake in the section, if there is one."""
    if SECTION not in document.value:
        return []
    section = document.value[SECTION]
    server = section.get("smtp") if isinstance(section, dict) else None
    problems = [*_addresses(document, section)] if isinstance(section, dict) else []
    problems += _login(document, server) if isinstance(server, dict) else []
    for here, holder in ((_HERE, section), (_SERVER, server)):
        if isinstance(holder, dict) and "password" in holder:
            problem = "a config file must not contain a password: name the environment variable that holds it under "
            problem += "'password-env', or its file under 'password-file'"
            problems.append(document.error((*here, "password"), problem, key=True))
    return problems + [each for each in converted(document, _HERE, EmailSection)[1] if not _is_password(each)]


def _is_password(diagnostic: FileError) -> bool:
    """Return whether a mistake reports the unknown key `password`, for which another message says what to do."""
    return diagnostic.problem.startswith("unknown key 'password'")


def email(document: Document | None, given: Sequence[str], environment: Mapping[str, str]) -> Email | None:
    """Return the mail settings of the config file and `--email-to`; None without recipients, or with mistakes.

    Raises FileError if there is no recipient, or the password can't be read.
    """
    section = EmailSection()
    if document is not None and isinstance(document.value, dict) and SECTION in document.value:
        if document.diagnostics:  # reported with those of the rules
            return None
        section = typed.convert(document.at(_HERE), EmailSection)
        if not (section.to or given):
            raise document.error(_HERE, "no recipients: list addresses under 'to', or give --email-to")
    elif not given:
        return None
    to = [section.to] if isinstance(section.to, str) else section.to
    return Email(
        to=tuple(dict.fromkeys([*to, *given])),
        sender=section.sender,
        when=section.when,
        smtp=Smtp() if document is None or section.smtp is None else _smtp(document, section.smtp, environment),
    )


def _smtp(document: Document, server: SmtpSection, environment: Mapping[str, str]) -> Smtp:
    login = None
    if server.username is not None:
        login = Login(server.username, _password(document, server, environment))
    port = server.port or _PORTS[server.security]
    return Smtp(host=server.host, port=port, security=server.security, login=login)


def _password(document: Document, server: SmtpSection, environment: Mapping[str, str]) -> str:
    """Return the password. An error names the key and not its value: someone may have put the password itself there."""
    if server.password_env is not None:
        key, problem = "password-env", "this environment variable is not set, or is empty"
        password = environment.get(server.password_env, "")
    else:
        key, problem = "password-file", "this file is empty"
        try:
            password = read_text(server.password_file or "", name="this file").strip("\n")
        except StartError as error:
            raise document.error((*_SERVER, key), str(error), key=True) from None
    if not password.strip():
        raise document.error((*_SERVER, key), problem, key=True)
    if not password.isascii() or not password.isprintable():
        problem = "the password contains a line break or another character that is not printable ASCII"
        raise document.error((*_SERVER, key), problem, key=True)
    return password


def _addresses(document: Document, section: Mapping[str, Any]) -> Iterator[FileError]:
    for key in ("to", "from"):
        value = section.get(key)
        items = [((*_HERE, key, index), each) for index, each in enumerate(value)] if isinstance(value, list) else []
        for here, address in items or [((*_HERE, key), value)]:
            if isinstance(address, str) and (problem := problem_of(address)):
                yield document.error(here, problem)


def _login(document: Document, server: Mapping[str, Any]) -> Iterator[FileError]:
    passwords = [key for key in ("password-env", "password-file") if server.get(key) is not None]
    if len(passwords) > 1:
        yield document.error(
            (*_SERVER, passwords[1]), "the password comes from a variable or a file, not both", key=True
        )
    if passwords and server.get("username") is None:
        yield document.error((*_SERVER, passwords[0]), "a password needs a 'username'", key=True)
    if server.get("username") is not None and not passwords and "password" not in server:
        problem = "a username needs a password: name where it is under 'password-env' or 'password-file'"
        yield document.error((*_SERVER, "username"), problem, key=True)
    username = server.get("username")
    if isinstance(username, str) and not (username.isascii() and username.isprintable()):
        yield document.error((*_SERVER, "username"), "the username contains a character that is not printable ASCII")
    variable = server.get("password-env")
    if isinstance(variable, str) and not _VARIABLE.fullmatch(variable):
        problem = "expects the name of an environment variable (letters, digits and _), not the password itself"
        yield document.error((*_SERVER, "password-env"), problem, key=True)
    if isinstance(variable, str) and variable.upper() in TOKEN_VARIABLES:
        problem = "this variable holds the API token, which is sent only to the API"
        yield document.error((*_SERVER, "password-env"), problem, key=True)
    host = server.get("host")
    if isinstance(host, str) and host and not _HOST.fullmatch(host):
        problem = "expects only a host name or an address; the port goes under 'port', the user under 'username'"
        yield document.error((*_SERVER, "host"), problem, key=True)
    if passwords and server.get("security") == "none" and isinstance(host, str) and not is_loopback(host):
        problem = "a password is not sent over the network without TLS: use starttls or tls"
        yield document.error((*_SERVER, "security"), problem)
