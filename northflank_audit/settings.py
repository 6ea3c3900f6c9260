"""What a run was asked to do, as one frozen `Settings`."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import click

from northflank_audit import jsontext, mailsection
from northflank_audit.delivery import heartbeat, metrics
from northflank_audit.delivery.mailconfig import Email
from northflank_audit.delivery.when import When
from northflank_audit.errors import StartError
from northflank_audit.formats import FORMATS
from northflank_audit.model import Severity, Status
from northflank_audit.northflank.token import Token, is_loopback
from northflank_audit.policy.yamlfile import Document

DEFAULT_URL: Final = "https://api.northflank.com"
TOKEN_VARIABLES: Final = ("NORTHFLANK_API_TOKEN", "NF_API_TOKEN")
URL_VARIABLES: Final = ("NORTHFLANK_API_BASE_URL", "NF_API_HOST", "NF_HOST")

TOLD: Final = ("email_to", "notify_file", "metrics_file", "metrics_push", "heartbeat")
"""The options that say who is told. Of a demo they are told only if the command line or a config it names says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `run` was asked to do; each field but `email` is the option of the same name."""

    api_url: str
    token_file: str | None
    demo: bool
    team: tuple[str, ...]
    all_teams: bool
    input: tuple[str, ...]
    rules: tuple[str, ...]
    rule: tuple[str, ...]
    skip_rule: tuple[str, ...]
    details: Literal["auto", "always", "never"]
    page_size: int
    max_attempts: int
    timeout: float
    config: Document | None
    waivers: str | None = None
    fail_on: Severity | None = Severity.INFO
    on_unknown: Literal["fail", "ignore"] = "fail"
    output_dir: str = "reports"
    format: tuple[str, ...] = ()
    output: tuple[tuple[str, str], ...] = ()
    include: frozenset[Status] = frozenset()
    compare: str | None = None
    save_snapshot: str | None = None
    notify_file: str | None = None
    notify_when: When = "violations"
    metrics_file: str | None = None
    metrics_push: str | None = None
    heartbeat: str | None = None
    email: Email | None = None
    """Whom `--email-to` and the config file's section `email:` tell."""

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The reports in `--output-dir`: each format's name and its path."""
        return [(name, str(Path(self.output_dir) / FORMATS[name].filename)) for name in self.format]

    @property
    def places(self) -> list[tuple[str, str]]:
        """Where all reports go, by their formats' names."""
        return [*self.kept, *self.output]

    def writes(self, name: str) -> bool:
        """Tell whether a format is wanted, wherever it goes."""
        return any(name == each for each, _ in self.places)

    def token(self, environment: Mapping[str, str]) -> Token:
        """Return the token from `--token-file`, else the environment. Raises StartError where there is none."""
        if self.token_file is not None:
            try:
                value, origin = (
                    jsontext.as_utf8(Path(self.token_file).read_bytes()).decode(),
                    f"the file {self.token_file}",
                )
            except (OSError, UnicodeDecodeError) as error:
                raise StartError(f"--token-file {self.token_file}: can't be read ({_reason(error)})") from None
        else:
            origin = next((name for name in TOKEN_VARIABLES if environment.get(name, "").strip()), "")
            if not origin:
                raise StartError(
                    "no API token: set NORTHFLANK_API_TOKEN or give --token-file FILE (a token is made under "
                    "Account settings > API; it needs to read registries); --demo needs none"
                )
            value = environment[origin]
        value = value.strip()
        if not value:
            raise StartError(f"the API token is empty; it came from {origin}")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise StartError(f"the API token from {origin} has a blank, a line break or another odd character in it")
        return Token(value, origin)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def read_text(path: str, *, exact: bool = False) -> str:
    """Read a text file. Raises StartError with the reason where that can't be done.

    `exact` keeps its byte order mark and line ends, so that the text gives the file's bytes again.
    """
    try:
        with Path(path).open(encoding="utf-8" if exact else "utf-8-sig", newline="" if exact else None) as file:
            return file.read()
    except UnicodeDecodeError:
        raise StartError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise StartError(f"{path}: can't be read ({_reason(error)})") from None


def settings_from(given: Mapping[str, Any], explicit: Callable[[str], bool]) -> Settings:
    """Turn click's values into Settings. Raises click.UsageError for options that exclude each other.

    `explicit` tells whether an option was given on the command line.
    """
    teller = given.get("config") if not given["demo"] or explicit("config") else None
    unsaid = _unsaid(teller, explicit) if given["demo"] else set()
    given = {**given, **dict.fromkeys(unsaid & given.keys())}
    values = {name: given[name] for name in Settings.__slots__ if name in given}
    if given["demo"] and any(map(explicit, ("input", "api_url", "token_file"))):
        raise click.UsageError("--demo brings its own API and token: leave --input, --api-url and --token-file away")
    if given["all_teams"] and given["team"]:
        raise click.UsageError("--team and --all-teams exclude each other")
    if given["input"] and (given["all_teams"] or len(given["team"]) > 1):
        raise click.UsageError("with --input, at most one --team can say whose credentials they are")
    if not all(team and team.isprintable() for team in given["team"]):
        raise click.UsageError("--team: a team's id is printable text")
    if given["demo"]:  # what the config file or the environment say of the real account is not meant
        values |= {"input": (), "token_file": None}
    elif not given["input"]:
        values["api_url"] = _checked_url(given["api_url"])
    if "fail_on" in given:
        values["fail_on"] = None if given["fail_on"] == "never" else Severity(given["fail_on"])
    values |= _checked_delivery(values)
    if "email_to" in given:
        values["email"] = mailsection.email(teller, given["email_to"] or (), os.environ)
    values["include"] = frozenset(map(Status, given.get("include", ())))
    settings = Settings(**values)
    written = list(_written(settings))
    if len(set(written)) < len(written):
        raise click.UsageError("two reports, or a report and a snapshot or metrics, can't go to the same place")
    return settings


def _unsaid(config: Document | None, explicit: Callable[[str], bool]) -> set[str]:
    """Return who is told by neither the command line nor a config file, but at most by the environment."""
    said = config.value if config is not None and isinstance(config.value, dict) else {}
    return {name for name in TOLD if not explicit(name) and name.replace("_", "-") not in said}


def _written(settings: Settings) -> Iterator[str]:
    """Yield each place that a run writes to, under the one name that all its names lead to."""
    files = [path for _, path in settings.places]
    files += filter(None, (settings.save_snapshot, settings.metrics_file))
    for path in files:
        if path == "-":
            yield path
        elif not Path(path).is_char_device():  # a terminal, /dev/null: nothing is overwritten there
            yield os.path.realpath(path)


def _checked_delivery(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that are pinged and pushed to. Raises click.UsageError, which keeps their keys to itself."""
    file = values.get("metrics_file")
    if file is not None and not file.endswith(metrics.SUFFIX):
        raise click.UsageError(f"--metrics-file: the node exporter reads files that end in {metrics.SUFFIX}")
    found = {name: values[name].strip() for name in ("metrics_push", "heartbeat") if values.get(name) is not None}
    for name, url in found.items():
        option = f"--{name.replace('_', '-')}"
        try:
            parts = urlsplit(url)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            right = False
        if not right or not url.isprintable() or " " in url:
            raise click.UsageError(f"{option}: this is no address; it is https://HOST[:PORT] or http://HOST[:PORT]")
        if name == "metrics_push" and (parts.query or parts.fragment):
            raise click.UsageError(f"{option}: a Pushgateway's base address has no query and no fragment")
        if name == "heartbeat" and not heartbeat.is_spelt_right(url):
            raise click.UsageError(f"{option}: in braces stand three words: {{start|success|fail}}")
    return found


def _checked_url(url: str) -> str:
    url = url.strip() if "://" in url else f"https://{url.strip()}"
    parts = urlsplit(url)
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.query
        or parts.fragment
        or parts.username
        or parts.password
    ):
        raise click.UsageError(
            f"--api-url: '{url.partition('@')[2] or url}' is not the address of an API; it is https://HOST[:PORT]"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise click.UsageError(f"--api-url: the token does not go to {host} over plain http; use https")
    return url.rstrip("/")
