"""The settings of a run, as one frozen `Settings`."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from northflank_audit import reading
from northflank_audit.config import email_section
from northflank_audit.config.precedence import OptionSource, settled
from northflank_audit.config.untrusted_config import UntrustedConfig
from northflank_audit.delivery import heartbeat
from northflank_audit.delivery.mailconfig import Email
from northflank_audit.delivery.when import When
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.formats import FORMATS, Format
from northflank_audit.model import Severity, Status
from northflank_audit.northflank.token import TOKEN_VARIABLES, Token, is_loopback
from northflank_audit.printable import printable

DEFAULT_URL: Final = "https://api.northflank.com"
URL_VARIABLES: Final = ("NORTHFLANK_API_BASE_URL", "NF_API_HOST", "NF_HOST")
NOTIFY_VARIABLE: Final = "NORTHFLANK_AUDIT_NOTIFY_URLS"
"""The variable of Apprise URLs; no flag takes them, because flags show in the process list."""

METRICS_SUFFIX: Final = ".prom"
"""The node exporter reads only files with this ending."""

DELIVERY_OPTIONS: Final = ("email_to", "notify_file", "metrics_file", "metrics_push", "heartbeat")
"""The options that say who is notified. For a demo, only the command line and a config named there count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of `run`; each field except `email` and `weakenings` is the option of the same name."""

    api_url: str
    token_file: str | None
    demo: bool
    team: tuple[str, ...]
    all_teams: bool
    input: tuple[str, ...]
    rules: tuple[str, ...]
    rule: tuple[str, ...]
    skip_rule: tuple[str, ...]
    details: Literal["auto", "always", "never"] = "auto"
    page_size: int = 100
    max_attempts: int = 5
    timeout: float = 300
    config: Document | None
    max_requests: int | None = None
    reserve: int = 0
    waivers: str | None = None
    fail_on: Severity | None = Severity.INFO
    on_unknown: Literal["fail", "ignore"] = "fail"
    fail_on_new: bool = False
    absent: Literal["unknown", "notapplicable", "violating"] = "unknown"
    console_url: str = "https://app.northflank.com"
    output_dir: str = "reports"
    format: tuple[str, ...] = ()
    output: tuple[tuple[str, str], ...] = ()
    include: frozenset[Status] = frozenset()
    compare: str | None = None
    history: str | None = None
    save_snapshot: str | None = None
    notify_file: str | None = None
    notify_when: When = "violations"
    metrics_file: str | None = None
    metrics_push: str | None = None
    heartbeat: str | None = None
    email: Email | None = None
    """The recipients of `--email-to` and of the config file's section `email:`."""
    weakenings: tuple[str, ...] = ()
    """Warnings about settings of a found config file that can weaken the verdict."""

    @property
    def output_dir_destinations(self) -> list[tuple[str, str]]:
        """The reports in `--output-dir`: each format's name and its path."""
        return [(name, str(Path(self.output_dir) / FORMATS[name].filename)) for name in self.format]

    @property
    def destinations(self) -> list[tuple[str, str]]:
        """All reports: each format's name and its path."""
        return [*self.output_dir_destinations, *self.output]

    @property
    def formats(self) -> list[Format]:
        """The requested formats, wherever they go."""
        return [FORMATS[name] for name in dict.fromkeys(name for name, _ in self.destinations)]

    def token(self, environment: Mapping[str, str]) -> Token:
        """Return the token from `--token-file`, else the environment. Raises StartError without one."""
        if self.token_file is not None:
            value = reading.read_text(self.token_file, name=f"--token-file {self.token_file}")
            origin = f"the file {self.token_file}"
        else:
            origin = next((name for name in TOKEN_VARIABLES if environment.get(name, "").strip()), "")
            if not origin:
                raise StartError(
                    "no API token: set NORTHFLANK_API_TOKEN or give --token-file FILE (create a token under "
                    "Account settings > API; it needs to read registries); --demo needs none"
                )
            value = environment[origin]
        return checked_token(value, origin)


def checked_token(text: str, origin: str) -> Token:
    """Return a token without surrounding whitespace. Raises StartError for text that can't be one."""
    value = text.strip()
    if not value:
        raise StartError(f"the API token is empty; it came from {origin}")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise StartError(f"the API token from {origin} contains whitespace, a line break or a control character")
    return Token(value, origin)


DEFAULTS: Final[Mapping[str, Any]] = {each.name: each.default for each in fields(Settings)}
"""The options' defaults, by the names of the fields."""


def settings_from(given: Mapping[str, Any], source: OptionSource) -> Settings:
    """Convert click's values to Settings. Raises click.UsageError for options that exclude each other.

    `source` returns where the value of an option comes from.
    """
    given = settled(given, source)
    delivery_config = given.get("config")
    if given["demo"]:
        delivery_config = delivery_config if source("config") is ParameterSource.COMMANDLINE else None
        given |= dict.fromkeys(_unset_deliveries(delivery_config, source) & given.keys())
    if not all(team and team.isprintable() for team in given["team"]):
        raise click.UsageError("--team: a team's id contains only printable characters")
    values = {name: given[name] for name in Settings.__slots__ if name in given}
    if not (given["demo"] or given["input"]):
        values["api_url"] = _checked_url(given["api_url"])
    if "fail_on" in given:
        values["fail_on"] = None if given["fail_on"] == "never" else Severity(given["fail_on"])
    values |= _checked_delivery(values)
    if "email_to" in given:
        values["email"] = email_section.email(delivery_config, given["email_to"] or (), os.environ)
    values["include"] = frozenset(map(Status, given.get("include", ())))
    if isinstance(given.get("config"), UntrustedConfig):
        values["weakenings"] = tuple(given["config"].weakenings(source, fail_on_new=given.get("fail_on_new", False)))
    settings = Settings(**values)
    _check_destinations(settings)
    _check_baseline(settings)
    return settings


def _unset_deliveries(config: Document | None, source: OptionSource) -> set[str]:
    """Return the delivery options that neither the command line nor the config file sets."""
    settings = config.value if config is not None and isinstance(config.value, dict) else {}
    unset = {name for name in DELIVERY_OPTIONS if name.replace("_", "-") not in settings}
    return {name for name in unset if source(name) is not ParameterSource.COMMANDLINE}


def _check_destinations(settings: Settings) -> None:
    """Raise click.UsageError if two outputs of a run have the same destination."""
    if settings.save_snapshot == "-":
        raise click.UsageError("--save-snapshot: a snapshot goes to a file, not to standard output")
    written = list(_written(settings))
    if len(set(written)) < len(written):
        raise click.UsageError("two reports, or a report and a snapshot or metrics, can't go to the same place")


def _check_baseline(settings: Settings) -> None:
    """Raise click.UsageError without a baseline, or if a second attempt of this run would find nothing new."""
    if not settings.fail_on_new:
        return
    if settings.compare is None:
        raise click.UsageError("--fail-on-new needs a baseline that says what is not new: add --compare FILE")
    for path in _outputs(settings):
        if _is_same(settings.compare, path):
            raise click.UsageError(
                f"--fail-on-new: this run replaces the file of --compare ({printable(path)}), so a second run would "
                "find nothing new; keep the baseline elsewhere: baseline write FILE"
            )


def _is_same(file: str, output: str) -> bool:
    """Return whether an output is, or may be, this file, by any path or link."""
    output = "/dev/stdout" if output == "-" else output
    try:
        return os.path.realpath(file) == os.path.realpath(output) or Path(file).samefile(output)
    except (OSError, ValueError):  # one of them does not exist
        return False


def _outputs(settings: Settings) -> list[str]:
    """Return each path that a run writes to, as given."""
    files = [path for _, path in settings.destinations]
    return [*files, *filter(None, (settings.save_snapshot, settings.metrics_file))]


def _written(settings: Settings) -> Iterator[str]:
    """Yield each path that a run writes to, resolved."""
    for path in _outputs(settings):
        if path == "-":
            yield path
        elif not Path(path).is_char_device():  # a terminal or /dev/null, where nothing is overwritten
            yield os.path.realpath(path)


def _checked_delivery(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses to ping and push to. Raises click.UsageError, whose message holds no key."""
    file = values.get("metrics_file")
    if file is not None and not file.endswith(METRICS_SUFFIX):
        raise click.UsageError(f"--metrics-file: the node exporter reads files that end in {METRICS_SUFFIX}")
    urls = {name: values[name].strip() for name in ("metrics_push", "heartbeat") if values.get(name) is not None}
    for name, url in urls.items():
        option = f"--{name.replace('_', '-')}"
        try:
            parts = urlsplit(url)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            right = False
        if not right or not url.isprintable() or " " in url:
            raise click.UsageError(f"{option}: not an address; write https://HOST[:PORT] or http://HOST[:PORT]")
        if name == "metrics_push" and (parts.query or parts.fragment):
            raise click.UsageError(f"{option}: a Pushgateway's base address has no query and no fragment")
        if name == "heartbeat" and not heartbeat.is_spelt_right(url):
            raise click.UsageError(f"{option}: braces contain three words: {{start|success|fail}}")
    return urls


def _checked_url(given: str) -> str:
    """Return the API's address. Raises click.UsageError if it is not one, or would expose the token.

    The message shows only the address's host: a user, a password or a query may be a secret.
    """
    url = given.strip()
    wrong = click.UsageError("--api-url: not the address of an API; write https://HOST[:PORT]")
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    invalid = "@" in parts.netloc or "?" in url or "#" in url or not url.isprintable() or " " in url or "\\" in url
    if parts.scheme not in ("http", "https") or not host or invalid:
        raise wrong
    if "://" not in url and is_loopback(host):
        raise click.UsageError(f"--api-url: '{url}' has no scheme; write http://{url}, or https:// if it speaks TLS")
    if parts.scheme == "http" and not is_loopback(host):
        raise click.UsageError(f"--api-url: the token is not sent to {host} over plain http; use https")
    return parts.geturl().rstrip("/")
