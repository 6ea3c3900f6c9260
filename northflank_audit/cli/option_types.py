"""Types of option values that click lacks."""

import datetime as dt
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from northflank_audit.cli.completion import beginning, completing
from northflank_audit.delivery.mailconfig import problem_of
from northflank_audit.errors import did_you_mean
from northflank_audit.model import Severity
from northflank_audit.periods import period
from northflank_audit.resources import TYPES

NONE: Final = "none"
"""The word for an empty list of names; an empty value is a mistake."""
_SEPARATORS: Final = re.compile(r"[,\s]+")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def names_of(text: str) -> list[str]:
    """Return the names in a text, which commas or whitespace separate."""
    return [word for word in _SEPARATORS.split(text) if word]


def _unknown(name: str, choices: Sequence[str]) -> str:
    return f"'{name}' is not one of {', '.join(choices)}{did_you_mean(name, choices)}"


class Option(click.Option):
    """An option whose empty value is a mistake as a flag, and counts as not set as a variable.

    `names` says that its values are names, separated by commas or whitespace. Paths and URLs are one per flag, and
    one per line of a variable.
    """

    def __init__(self, *args: Any, names: bool = False, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.names = names

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the first variable that is not empty."""
        del ctx
        variables = [self.envvar] if isinstance(self.envvar, str) else self.envvar or []
        return next((text for name in variables if (text := os.environ.get(name, "")).strip()), None)

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Return what the variable says."""
        text = self.resolve_envvar_value(ctx)
        if text is None or not self.multiple:
            return text
        return [line.strip() for line in text.splitlines() if line.strip()]

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return the value and its source. Raises click.BadParameter for an empty flag."""
        value, source = super().consume_value(ctx, opts)
        if source is ParameterSource.COMMANDLINE:
            for each in value if self.multiple else [value]:
                if isinstance(each, str) and not each.strip():
                    raise click.BadParameter("the value is empty: omit the option, or give it a value", ctx, self)
        return value, source

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value in its type; names one by one."""
        if self.names and value:
            value = [word for text in value for word in names_of(str(text))]
            if not value:
                raise click.BadParameter("contains no name", ctx, self)
        return super().type_cast_value(ctx, value)


class Period(click.ParamType[dt.timedelta]):
    """A period: 30s, 15m, 24h, 7d."""

    name = "period"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.timedelta:
        """Return the period, or fail."""
        if isinstance(value, dt.timedelta):
            return value
        try:
            return period(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SeverityAge(click.ParamType[Any]):
    """How old violations of a severity may be: `high=30d`."""

    name = "LEVEL=PERIOD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the severity and the age, or fail."""
        if isinstance(value, tuple):
            return value
        level, _, age = str(value).partition("=")
        if level.strip() not in [*Severity]:
            self.fail(f"{_unknown(level.strip(), [*Severity])}; write LEVEL=DAYSd: high=30d", param, ctx)
        return Severity(level.strip()), Period().convert(age, param, ctx)


class NameList(click.ParamType[Any]):
    """Names, separated by commas or whitespace; a YAML list in a config file. `names` are the valid ones."""

    name = "NAME[,NAME…]"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a name."""
        del ctx, param
        return beginning(incomplete, self.names)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split and check; `none` alone is no name."""
        texts = [value] if isinstance(value, str) else list(value)
        names = tuple(dict.fromkeys(word for text in texts for word in names_of(str(text))))
        if any(texts) and not names:
            self.fail("contains no name", param, ctx)
        if names == (NONE,):
            return ()
        for name in names:
            if name not in self.names:
                self.fail(_unknown(name, self.names), param, ctx)
        return names


class TypeName(click.ParamType[Any]):
    """The name of a resource type."""

    name = "TYPE"
    values = tuple(TYPES)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a type."""
        del ctx, param
        return beginning(incomplete, self.values)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check."""
        if value not in TYPES:
            hint = did_you_mean(str(value), TYPES) or "; the command types lists them"
            self.fail(f"unknown resource type '{value}'{hint}", param, ctx)
        return str(value)


class OutputPath(click.ParamType[Any]):
    """`NAME=PATH`."""

    name = "NAME=PATH"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split and check."""
        if isinstance(value, tuple):
            return value
        name, equals, path = str(value).partition("=")
        if name not in self.names:
            self.fail(_unknown(name, self.names), param, ctx)
        if not equals or not path.strip():
            self.fail(f"'{value}' has no path; write {name}=PATH, or {name}=- for standard output", param, ctx)
        return name, path


class MailAddress(click.ParamType[Any]):
    """A mail address."""

    name = "ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check."""
        address = str(value).strip()
        if problem := problem_of(address):
            self.fail(problem, param, ctx)
        return address


class WebAddress(click.ParamType[Any]):
    """An address that pages may link to: http or https, without a user, a query or a fragment."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check, and drop the slash at the end."""
        url = str(value).strip()
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        odd = not url.isprintable() or any(character in url for character in '@?#\\ "<>')
        if not host or parts.scheme not in ("http", "https") or odd:
            self.fail("not a web address; write https://HOST[:PORT][/PATH]", param, ctx)
        return url.rstrip("/")


class Seconds(click.FloatRange):
    """A time in seconds, above 0 and up to `longest`."""

    def __init__(self, longest: int) -> None:
        super().__init__(min=0, max=longest, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Check; only a plain number is valid (not nan, inf, 1_000 or 5m)."""
        text = str(value).strip()
        number = float(text) if _NUMBER.fullmatch(text) else 0
        if not 0 < number <= (self.max or 0):
            self.fail(f"'{text}' is not a number of seconds above 0 and up to {self.max}", param, ctx)
        return number


class WholeNumber(click.IntRange):
    """A whole number within a range."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(min=least, max=most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Check; a number that only Python accepts (1_000, ٣) is a mistake."""
        text = str(value).strip()
        number = int(text) if re.fullmatch(r"-?(?:0|[1-9][0-9]{0,17})", text) else None
        if number is None or not (self.min or 0) <= number <= (self.max or 0):
            self.fail(f"'{text}' is not a whole number from {self.min} to {self.max}", param, ctx)
        return number


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """Return a decorator that adds an option that an environment variable of its name also sets."""
    variable = "NORTHFLANK_AUDIT_" + names[0].lstrip("-").replace("-", "_").upper()
    attributes["envvar"] = [variable, *attributes.pop("variables", ())]
    attributes = completing(names[0], attributes.get("metavar")) | attributes
    return click.option(*names, **{"cls": Option, **attributes})


def add_options(
    command: Callable[..., Any], *options: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Callable[..., Any]:
    """Add options to a command, the first one first."""
    for each in reversed(options):
        command = each(command)
    return command
