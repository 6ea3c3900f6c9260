"""The settings of a run, as one frozen `Settings`."""

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import click
import msgspec
from click.core import ParameterSource

from northflank_audit import reading
from northflank_audit.config import email_section
from northflank_audit.config.destinations import check_apart, check_inputs_kept, is_same
from northflank_audit.config.given_addresses import checked_delivery, checked_url
from northflank_audit.config.precedence import OptionSource, settled
from northflank_audit.config.untrusted_config import UntrustedConfig
from northflank_audit.delivery.mailconfig import Email
from northflank_audit.delivery.when import When
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.formats import FORMATS, CsvDialect, Format
from northflank_audit.gate import Gate
from northflank_audit.model import Severity, Status
from northflank_audit.northflank.token import TOKEN_VARIABLES, Token
from northflank_audit.printable import printable

MAX_WAIVER_DAYS: Final = 366
"""Days after the run until which a waiver may last."""
DEFAULT_URL: Final = "https://api.northflank.com"
URL_VARIABLES: Final = ("NORTHFLANK_API_BASE_URL", "NF_API_HOST", "NF_HOST")
NOTIFY_VARIABLE: Final = "NORTHFLANK_AUDIT_NOTIFY_URLS"
"""The variable of Apprise URLs; no flag takes them, because flags show in the process list."""
METRICS_SUFFIX: Final = ".prom"
"""The node exporter reads the files that end so, and no others."""

DELIVERY_OPTIONS: Final = ("email_to", "notify_file", "metrics_file", "metrics_push", "heartbeat")
"""The options that say who is notified. For a demo, only the command line and a config named there count."""


_PATHS: Final = 1024
"""Paths of reports that are kept: a run asks for each several times."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
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
        return [(name, _in_folder(self.output_dir, FORMATS[name].filename)) for name in self.format]

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
            origin = token_variable(environment)
            if not origin:
                raise StartError(
                    "no API token: set NORTHFLANK_API_TOKEN or give --token-file FILE (make one under "
                    "Account settings > API; `plan --role` prints the permissions that it needs); --demo needs none"
                )
            value = environment[origin]
        return checked_token(value, origin)


@lru_cache(_PATHS)
def _in_folder(folder: str, name: str) -> str:
    return str(Path(folder) / name)


def token_variable(environment: Mapping[str, str]) -> str:
    """Return the name of the variable that holds the token; empty if none does."""
    return next((name for name in TOKEN_VARIABLES if environment.get(name, "").strip()), "")


def checked_token(text: str, origin: str) -> Token:
    """Return a token without surrounding whitespace. Raises StartError for text that can't be one."""
    value = text.strip()
    if not value:
        raise StartError(f"the API token is empty; it came from {origin}")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise StartError(f"the API token from {origin} contains whitespace, a line break or a control character")
    return Token(value, origin)


DEFAULTS: Final[Mapping[str, Any]] = {each.name: each.default for each in msgspec.structs.fields(Settings)}
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
    values = {name: given[name] for name in Settings.__struct_fields__ if name in given}
    if not (given["demo"] or given["input"]):
        values["api_url"] = checked_url(given["api_url"])
    if "fail_on" in given:
        values["fail_on"] = None if given["fail_on"] == "never" else Severity(given["fail_on"])
    if values.get("min_severity"):
        values["min_severity"] = Severity(values["min_severity"])
    values |= checked_delivery(values)
    if "email_to" in given:
        values["email"] = email_section.email(delivery_config, given["email_to"] or (), os.environ)
    values["include"] = frozenset(map(Status, given.get("include", ())))
    if isinstance(given.get("config"), UntrustedConfig):
        values["weakenings"] = tuple(given["config"].weakenings(source, fail_on_new=given.get("fail_on_new", False)))
    settings = Settings(**values)
    _check_destinations(settings)
    if source("new_for") is ParameterSource.COMMANDLINE and not (settings.history and settings.fail_on_new):
        raise click.UsageError("--new-for needs --fail-on-new with --history")
    _check_baseline(settings)
    return settings


def _unset_deliveries(config: Document | None, source: OptionSource) -> set[str]:
    """Return the delivery options that neither the command line nor the config file sets."""
    settings = config.value if config is not None and isinstance(config.value, dict) else {}
    unset = {name for name in DELIVERY_OPTIONS if name.replace("_", "-") not in settings}
    return {name for name in unset if source(name) is not ParameterSource.COMMANDLINE}


def _check_destinations(settings: Settings) -> None:
    """Raise click.UsageError if two outputs of a run have the same destination, or one is that of an input."""
    if settings.save_snapshot == "-":
        raise click.UsageError("--save-snapshot: a snapshot goes to a file, not to standard output")
    check_apart(outputs(settings))
    check_inputs_kept(outputs(settings), inputs(settings))
    if settings.compare is not None and not settings.fail_on_new:  # then the run's own report may replace it
        reports = {path for name, path in settings.destinations if name == "json"}
        check_inputs_kept((path for path in outputs(settings) if path not in reports), [settings.compare])


def _check_baseline(settings: Settings) -> None:
    """Raise click.UsageError without a baseline, or if a second attempt of this run would find nothing new."""
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
    for path in outputs(settings):
        if is_same(settings.compare, path):
            raise click.UsageError(
                f"--fail-on-new: this run replaces the file of --compare ({printable(path)}), so a second run would "
                "find nothing new; keep the baseline elsewhere: baseline write FILE"
            )


def outputs(settings: Settings) -> list[str]:
    """Return each path that a run writes to, as given."""
    files = [path for _, path in settings.destinations]
    return [*files, *filter(None, (settings.save_snapshot, settings.metrics_file))]


def inputs(settings: Settings) -> Iterator[str]:
    """Yield each file and folder that a run reads, without the baseline."""
    files = (settings.waivers, settings.annotations, settings.token_file, settings.notify_file)
    yield from filter(None, files)
    if settings.config is not None:
        yield settings.config.path
    if settings.history is not None:
        yield settings.history.removeprefix("sqlite:///")
    yield from settings.rules
    # `TYPE=FILE` is a file of that name where one exists.
    yield from (path if os.path.lexists(path) else path.rpartition("=")[2] for path in settings.input if path != "-")
