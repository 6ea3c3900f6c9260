"""The config file: what gives options other defaults, and its mistakes."""

from pathlib import Path
from typing import Any, Final

import click

from northflank_audit import mailsection
from northflank_audit.errors import did_you_mean
from northflank_audit.policy.yamlfile import Document
from northflank_audit.settings import read_text

DEFAULT_CONFIG: Final = "audit.yaml"
BESIDES_OPTIONS: Final = ("overrides", mailsection.SECTION)
"""What a config file holds besides options."""


def read_config(ctx: click.Context, _param: click.Parameter, value: str | None) -> Document | None:
    """Make the config file's values the options' defaults. Its mistakes are told with those of the rules."""
    if value is None and not ctx.params.get("demo") and Path(DEFAULT_CONFIG).is_file():
        value = DEFAULT_CONFIG
    if value is None:
        return None
    document = Document(read_text(value), value, strict=False, discreet=True)
    if document.value is None:
        return document
    if not isinstance(document.value, dict):
        document.mistakes.append(document.error((), "a config file maps options to values"))
        return document
    command = ctx.find_root().command
    run = command.commands["run"] if isinstance(command, click.Group) else ctx.command
    options = {
        param.opts[0].lstrip("-"): param
        for param in run.params
        if isinstance(param, click.Option) and param.name != "config"
    }
    defaults = {}
    for key, given in document.value.items():
        if key in BESIDES_OPTIONS:
            continue
        if key not in options:
            close = did_you_mean(key, [*options, *BESIDES_OPTIONS])
            document.mistakes.append(document.error((key,), f"'{key}' is no option{close}", key=True))
            continue
        option = options[key]
        as_given = [given] if option.multiple and not isinstance(given, list) else given
        try:
            _fits(option, as_given)
            option.type_cast_value(ctx, as_given)
        except click.BadParameter as error:
            document.mistakes.append(document.error((key,), f"{key}: {error.message}"))
            continue
        defaults[str(option.name)] = as_given
    document.mistakes += mailsection.mistakes(document)
    ctx.default_map = defaults
    return document


def _fits(option: click.Option, given: Any) -> None:
    """Refuse what YAML can say and a command line can't. Raises click.BadParameter."""
    many = isinstance(given, list) and (option.multiple or _lists(option))
    for value in given if many else [given]:
        if value is None or isinstance(value, list | dict):
            raise click.BadParameter("this takes one value" if not many else "this takes a list of single values")
        if option.is_flag is not isinstance(value, bool):
            raise click.BadParameter(
                "this is true or false" if option.is_flag else "this is a value, not true or false"
            )
        if isinstance(option.type, click.IntRange) and isinstance(value, float):
            raise click.BadParameter(f"{value} is not a whole number")
        if value != value:  # noqa: PLR0124 - not a number, which no range refuses
            raise click.BadParameter(f"{value} is not a number")


def _lists(option: click.Option) -> bool:
    """Tell whether an option takes several words at once, and so a list."""
    return getattr(option.type, "lists", False)
