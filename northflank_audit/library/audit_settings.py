"""The options of `run` as keyword arguments, for other programs."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

import click

from northflank_audit.cli.bare_run import bare_run
from northflank_audit.config.settings import Settings, checked_token, settings_from
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.northflank.token import Token

Path = str | os.PathLike[str]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
BESIDES_OPTIONS: Final = ("token", "overrides")
"""The fields that are not options of `run`."""


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """What to audit and how. Each field except `token` and `overrides` is the option of `run` of that name.

    A field that is None, empty or False has the option's default. A field of several values also takes one value.
    Variables `NORTHFLANK_AUDIT_…` and config files do not apply.
    """

    token: str | None = field(default=None, repr=False)
    """The API token; else it comes from `token_file`, else from the environment, as for the command line."""
    token_file: Path | None = None
    api_url: str | None = None
    """Also from the environment, as for the command line, because a token belongs to an address."""
    demo: bool = False
    team: str | Sequence[str] = ()
    all_teams: bool = False
    input: Path | Sequence[Path] = ()
    rules: Path | Sequence[Path] = ()
    rule: str | Sequence[str] = ()
    skip_rule: str | Sequence[str] = ()
    control: str | Sequence[str] = ()
    min_severity: SeverityName | None = None
    type: str | Sequence[str] = ()
    skip_type: str | Sequence[str] = ()
    project: str | Sequence[str] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What to change of the rules, by their ids, as in a config file: `{"ID": {"severity": "low"}, "OTHER": "off"}`."""
    waivers: Path | None = None
    max_waiver_days: int | None = None
    annotations: Path | None = None
    details: Literal["auto", "always", "never"] | None = None
    absent: Literal["unknown", "notapplicable", "violating"] | None = None
    fail_on: SeverityName | Literal["never"] | None = None
    on_unknown: Literal["fail", "ignore"] | None = None
    fail_on_new: bool = False
    new_for: str | None = None
    max_age: str | Sequence[str] = ()
    include: Literal["pass", "notapplicable"] | Sequence[Literal["pass", "notapplicable"]] = ()
    console_url: str | None = None
    framework: str | None = None
    show_personal_data: bool = False
    compare: Path | None = None
    history: str | None = None
    save_snapshot: Path | None = None
    page_size: int | None = None
    max_attempts: int | None = None
    timeout: float | None = None
    max_requests: int | None = None
    reserve: int | None = None

    def checked(self) -> Settings:
        """Return the settings of a run, checked as the command line checks them. Raises StartError."""
        if self.token is not None and (self.demo or self.input or self.token_file is not None):
            raise StartError("token: omit it with demo, input or token_file")
        command = bare_run()
        options = {str(param.name): param for param in command.params if isinstance(param, click.Option)}
        try:
            with command.make_context("audit", list(_arguments(self, options))) as ctx:
                given = ctx.params | {"config": self._config()}
                return settings_from(given, ctx.get_parameter_source)
        except click.ClickException as error:
            raise StartError(error.format_message()) from None

    def given_token(self) -> Token | None:
        """Return `token`, checked; None where a file or the environment has the token. Raises StartError."""
        return None if self.token is None else checked_token(self.token, "AuditSettings.token")

    def _config(self) -> Document | None:
        """Return the overrides as the config file that has them."""
        if not self.overrides:
            return None
        try:
            text = json.dumps({"overrides": dict(self.overrides)}, indent=1)
        except (TypeError, ValueError) as error:
            raise StartError(f"overrides: {error}") from None
        return Document(text, "AuditSettings.overrides", strict=False)


def _arguments(settings: AuditSettings, options: Mapping[str, click.Option]) -> Iterator[str]:
    """Yield the settings as command-line arguments; no report is written."""
    yield "--format=none"
    for each in fields(settings):
        value = getattr(settings, each.name)
        if each.name in BESIDES_OPTIONS or value is None or value is False:
            continue
        option = options[each.name]
        if option.is_flag:
            if value is not True:
                raise StartError(f"{each.name}: expects True or False, not {type(value).__name__}")
            yield option.opts[0]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            texts = [_text(each.name, item) for item in value]
            joined = texts if option.multiple else [",".join(texts)] * bool(texts)
            yield from (f"{option.opts[0]}={text}" for text in joined)
        else:
            yield f"{option.opts[0]}={_text(each.name, value)}"


def _text(name: str, value: Any) -> str:
    """Return a value as text. Raises StartError for a type that no option takes."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | os.PathLike):
        raise StartError(f"{name}: expects text, a number or a path, not {type(value).__name__}")
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
