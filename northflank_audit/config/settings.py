"""The settings of a run, as one frozen `Settings`."""

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
from northflank_audit.formats import FORMATS, CsvDialect, Format
from northflank_audit.gate import Gate
from northflank_audit.model import Severity, Status
from northflank_audit.northflank.token import TOKEN_VARIABLES, Token, is_loopback
from northflank_audit.printable import printable, spelt

MAX_WAIVER_DAYS: Final = 366
"""Days after the run until which a waiver may last."""
DEFAULT_URL: Final = "https://api.northflank.com"
URL_VARIABLES: Final = ("NORTHFLANK_API_BASE_URL", "NF_API_HOST", "NF_HOST")
NOTIFY_VARIABLE: Final = "NORTHFLANK_AUDIT_NOTIFY_URLS"
"""The environment's other way to give Apprise URLs; no flag takes them, since a flag shows in the process list."""
METRICS_SUFFIX: Final = ".prom"
"""The node exporter reads the files that end so, and no others."""

DELIVERY_OPTIONS: Final = ("email_to", "notify_file", "metrics_file", "metrics_push", "heartbeat")
"""The options that say who is told. Of a demo they are told only if the command line or a config it names says so."""


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
    details: Literal["auto", "always", "never"]
    page_size: int
    max_attempts: int
    timeout: float
    config: Document | None
    control: tuple[str, ...] = ()
    min_severity: Severity | None = None
    type: tuple[str, ...] = ()
    skip_type: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    framework: str | None = None
    max_requests: int | None = None
    reserve: int = 0
    waivers: str | None = None
    max_waiver_days: int = MAX_WAIVER_DAYS
    annotations: str | None = None
    fail_on: Severity | None = Severity.INFO
    on_unknown: Literal["fail", "ignore"] = "fail"
    fail_on_new: bool = False
    absent: Literal["unknown", "notapplicable", "violating"] = "unknown"
    console_url: str = "https://app.northflank.com"
    show_personal_data: bool = False
    output_dir: str = "reports"
    format: tuple[str, ...] = ()
    output: tuple[tuple[str, str], ...] = ()
    csv_dialect: CsvDialect = "rfc4180"
    include: frozenset[Status] = frozenset()
    compare: str | None = None
    history: str | None = None
    new_for: dt.timedelta = dt.timedelta(hours=24)
    max_age: tuple[tuple[Severity, dt.timedelta], ...] = ()
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
    def gate(self) -> Gate:
        """What makes the exit code 1."""
        ratchet = self.history is not None and self.fail_on_new
        return Gate(
            self.fail_on,
            self.on_unknown,
            self.fail_on_new,
            new_for=int(self.new_for.total_seconds()) if ratchet else 0,
            max_age={severity: int(age.total_seconds()) for severity, age in self.max_age},
        )

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
        """The formats that are wanted, wherever they go."""
        return [FORMATS[name] for name in dict.fromkeys(name for name, _ in self.destinations)]

    def token(self, environment: Mapping[str, str]) -> Token:
        """Return the token from `--token-file`, else the environment. Raises StartError if there is none."""
        if self.token_file is not None:
            value = reading.read_text(self.token_file, name=f"--token-file {self.token_file}")
            origin = f"the file {self.token_file}"
        else:
            origin = token_variable(environment)
            if not origin:
                raise StartError(
                    "no API token: set NORTHFLANK_API_TOKEN or give --token-file FILE (make one under "
                    "Account settings > API; `plan --role` prints the permissions that it needs); --demo needs none"
                )
            value = environment[origin]
        return checked_token(value, origin)


def token_variable(environment: Mapping[str, str]) -> str:
    """Return the name of the variable that holds the token; empty if none does."""
    return next((name for name in TOKEN_VARIABLES if environment.get(name, "").strip()), "")


def checked_token(text: str, origin: str) -> Token:
    """Return a token, less the whitespace around it. Raises StartError for what can't be one."""
    value = text.strip()
    if not value:
        raise StartError(f"the API token is empty; it came from {origin}")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise StartError(f"the API token from {origin} contains whitespace, a line break or a control character")
    return Token(value, origin)


def settings_from(given: Mapping[str, Any], source: OptionSource) -> Settings:
    """Make Settings of click's values. Raises click.UsageError for options that exclude each other.

    `source` returns where the value of an option comes from.
    """
    given = settled(given, source)
    delivery_config = given.get("config")
    if given["demo"]:
        delivery_config = delivery_config if source("config") is ParameterSource.COMMANDLINE else None
        given |= dict.fromkeys(_unset_deliveries(delivery_config, source) & given.keys())
    if not all(team and team.isprintable() for team in given["team"]):
        raise click.UsageError("--team: a team's id is printable text")
    values = {name: given[name] for name in Settings.__slots__ if name in given}
    if not (given["demo"] or given["input"]):
        values["api_url"] = _checked_url(given["api_url"])
    if "fail_on" in given:
        values["fail_on"] = None if given["fail_on"] == "never" else Severity(given["fail_on"])
    if values.get("min_severity"):
        values["min_severity"] = Severity(values["min_severity"])
    values |= _checked_delivery(values)
    if "email_to" in given:
        values["email"] = email_section.email(delivery_config, given["email_to"] or (), os.environ)
    values["include"] = frozenset(map(Status, given.get("include", ())))
    if isinstance(given.get("config"), UntrustedConfig):
        values["weakenings"] = tuple(given["config"].weakenings(source, fail_on_new=given.get("fail_on_new", False)))
    settings = Settings(**values)
    _check_destinations(settings)
    if source("new_for") is ParameterSource.COMMANDLINE and not (settings.history and settings.fail_on_new):
        raise click.UsageError("--new-for is for --fail-on-new with --history")
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
    """Raise click.UsageError if nothing says what is new, or if a second try of this run would find nothing new."""
    if settings.max_age and settings.history is None:
        raise click.UsageError("--max-age needs the history that knows how old a violation is: add --history URL")
    if not settings.fail_on_new:
        return
    if settings.compare is None:
        if settings.history is None:
            raise click.UsageError(
                "--fail-on-new needs a baseline that says what is not new: add --compare FILE or --history URL"
            )
        return
    for path in _outputs(settings):
        if _is_same(settings.compare, path):
            raise click.UsageError(
                f"--fail-on-new: this run replaces the file of --compare ({printable(path)}), so a second try would "
                "find nothing new; keep the baseline elsewhere: baseline write FILE"
            )


def _is_same(file: str, output: str) -> bool:
    """Tell whether an output is this file, by whatever path or link; or may be, as far as one can see."""
    output = "/dev/stdout" if output == "-" else output
    try:
        return os.path.realpath(file) == os.path.realpath(output) or Path(file).samefile(output)
    except (OSError, ValueError):  # one of them is not there
        return False


def _outputs(settings: Settings) -> list[str]:
    """Return each place that a run writes to, as it is named."""
    files = [path for _, path in settings.destinations]
    return [*files, *filter(None, (settings.save_snapshot, settings.metrics_file))]


def _written(settings: Settings) -> Iterator[str]:
    """Yield each place that a run writes to, under the one name that all its names lead to."""
    for path in _outputs(settings):
        if path == "-":
            yield path
        elif not Path(path).is_char_device():  # a terminal, /dev/null: nothing is overwritten there
            yield os.path.realpath(path)


def _checked_delivery(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses that are pinged and pushed to. Raises click.UsageError, which keeps their keys to itself."""
    file = values.get("metrics_file")
    if file is not None and not file.endswith(METRICS_SUFFIX):
        raise click.UsageError(f"--metrics-file: the node exporter reads files that end in {METRICS_SUFFIX}")
    if file is not None and not _has_folder(file, values.get("output_dir", "")):
        raise click.UsageError(f"--metrics-file {spelt(file)}: there is no such folder; make it, or correct the path")
    urls = {name: values[name].strip() for name in ("metrics_push", "heartbeat") if values.get(name) is not None}
    for name, url in urls.items():
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
    return urls


def _has_folder(file: str, made: str) -> bool:
    """Tell whether a file's folder is there, or is `made` by the run itself."""
    folder = os.path.realpath(Path(file).parent)
    try:
        return Path(folder).is_dir() or folder == os.path.realpath(made)
    except OSError:  # it is reported where the file is written
        return True


def _checked_url(given: str) -> str:
    """Return the API's address. Raises click.UsageError for another thing, or where the token would be read by others.

    The message holds none of the address but its host: a user, a password or a query may be a secret.
    """
    url = given.strip()
    wrong = click.UsageError("--api-url: this is not the address of an API; write https://HOST[:PORT]")
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
        raise click.UsageError(f"--api-url: the token does not go to {host} over plain http; use https")
    return parts.geturl().rstrip("/")
