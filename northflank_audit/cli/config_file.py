"""Reads the config file into defaults of options."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any, Final

import click

from northflank_audit import reading
from northflank_audit.cli.environment_variables import refuse_unknown
from northflank_audit.cli.option_types import MailAddress, NameList, Option, OutputPath, Seconds, WholeNumber
from northflank_audit.config import email_section
from northflank_audit.config.untrusted_config import UntrustedConfig
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileErrors, StartError, did_you_mean

DEFAULT_CONFIG: Final = "audit.yaml"
NEARLY_DEFAULT: Final = "audit.yml"
BESIDES_OPTIONS: Final = ("overrides", email_section.SECTION)
"""The keys of a config file that are not options."""


class ConfigOption(Option):
    """The option that names the config file, which is read first, within the time of `--timeout`."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Limit the time, then process the option as usual."""
        timeout = next((param for param in ctx.command.params if param.name == "timeout"), None)
        seconds = reading.TIME
        if timeout is not None:
            try:
                seconds = timeout.type_cast_value(ctx, timeout.consume_value(ctx, opts)[0])
            except click.BadParameter:  # reported when click processes that option
                seconds = reading.TIME
        reading.bound(ctx, seconds)
        return super().handle_parse_result(ctx, opts, args)


def read_config(ctx: click.Context, _param: click.Parameter, value: str | None) -> Document | None:
    """Make the config file's values the options' defaults. Its mistakes are reported with those of the rules.

    Raises StartError for a file that can't be read, or an environment variable that is not an option.
    """
    document = _document(value, demo=bool(ctx.params.get("demo")))
    refuse_unknown(ctx, document.value if document else None, os.environ)
    if document is None or document.value is None:
        return document
    if not isinstance(document.value, dict):
        document.diagnostics.append(document.error((), "a config file maps options to values"))
        return document
    command = ctx.find_root().command
    run = command.get_command(ctx, "run") if isinstance(command, click.Group) else None
    options = _by_key(run or ctx.command)
    if isinstance(document, UntrustedConfig):
        document.diagnostics += document.refusals(_by_key(ctx.command))
    defaults = {}
    for key, given in document.value.items():
        if key in BESIDES_OPTIONS:
            continue
        if key not in options:
            close = did_you_mean(key, [*options, *BESIDES_OPTIONS])
            document.diagnostics.append(document.error((key,), f"'{key}' is no option{close}", key=True))
            continue
        before = len(document.diagnostics)
        values = list(option_values(ctx, document, options[key], (key,), given))
        if len(document.diagnostics) == before:
            defaults[str(options[key].name)] = values if takes_several(options[key]) else values[0]
    document.diagnostics += email_section.diagnostics(document)
    ctx.default_map = defaults
    return document


def refuse_mistakes(config: Document | None) -> None:
    """Raise FileErrors for a config file with mistakes: one of them may be the key that names a file."""
    if config is not None and config.diagnostics:
        raise FileErrors(config.diagnostics)


def _document(path: str | None, *, demo: bool) -> Document | None:
    """Return the named file, else the one in the working folder, which a demo ignores."""
    if path is not None:
        return Document(reading.read_text(path), path, strict=False, discreet=True)
    if demo:
        return None
    if _is_there(DEFAULT_CONFIG):
        return UntrustedConfig(reading.read_text(DEFAULT_CONFIG), DEFAULT_CONFIG, strict=False, discreet=True)
    if _is_there(NEARLY_DEFAULT):
        raise StartError(f"{NEARLY_DEFAULT} is not read: rename it to {DEFAULT_CONFIG}, or name the file with --config")
    return None


def _is_there(path: str) -> bool:
    """Return whether anything has this name, even a folder or a dangling link. Raises StartError if unknown."""
    try:
        File(path).lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StartError(f"{path}: can't be read ({error.strerror})") from None
    return True


def _by_key(command: click.Command) -> dict[str, click.Option]:
    """Return a command's options by their keys in a config file."""
    return {
        param.opts[0].lstrip("-"): param
        for param in command.params
        if isinstance(param, click.Option) and param.name != "config"
    }


def option_values(
    ctx: click.Context, document: Document, option: click.Option, here: Path, given: Any
) -> Iterator[Any]:
    """Yield the value or values of an option, which stands at `here`; mistakes are added to the document."""
    many = takes_several(option)
    listed = many and isinstance(given, list)
    items = [((*here, index), each) for index, each in enumerate(given)] if listed else [(here, given)]
    for there, item in items:
        try:
            value = _fitting(document, option, there, item, many=many and not listed)
            option.type_cast_value(ctx, [value] if many else value)
        except click.BadParameter as error:
            document.diagnostics.append(document.error(there, f"{here[-1]}: {error.message}"))
        else:
            yield value


def _fitting(document: Document, option: click.Option, here: Path, value: Any, *, many: bool) -> Any:
    """Return a value as a command line would give it. Raises click.BadParameter for other kinds of YAML values.

    `many` says whether there might be a list of values.
    """
    if value is None or isinstance(value, list | dict):
        raise click.BadParameter("this takes a list of single values" if many else "this takes one value")
    if option.is_flag is not isinstance(value, bool):
        raise click.BadParameter("this is true or false" if option.is_flag else "this is a value, not true or false")
    if option.is_flag:
        return value
    if isinstance(option.type, Seconds | WholeNumber):  # as it is written, because YAML reads 5:00 and 0x1F as numbers
        node = document.node(here)
        return value if node is None else node.value
    if isinstance(value, int | float) and isinstance(
        option.type, click.types.StringParamType | MailAddress | OutputPath
    ):
        raise click.BadParameter("YAML reads this as a number: quote it")
    if isinstance(value, str) and not value.strip():
        raise click.BadParameter("this is empty: omit the key, or give it a value")
    if isinstance(value, str) and "\0" in value:  # no command line can give it, and no path has it
        raise click.BadParameter("this contains the character NUL")
    return value


def takes_several(option: click.Option) -> bool:
    """Return whether an option takes several values, and so a list."""
    return option.multiple or isinstance(option.type, NameList)
