"""The command `config show`."""

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from northflank_audit.cli.options import run_options
from northflank_audit.config import email_section
from northflank_audit.config.precedence import settled
from northflank_audit.config.settings import NOTIFY_VARIABLE, settings_from, token_variable
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileErrors
from northflank_audit.formats import FORMATS
from northflank_audit.periods import spelt_period
from northflank_audit.printable import printable
from northflank_audit.printing import say

FLAG: Final = "flag"
DEFAULT: Final = "default"
SET: Final = "set, not shown"
_PUBLIC: Final = ("api_url", "console_url")
"""Addresses that hold no secret, as their validation ensures."""


class Setting(NamedTuple):
    """A setting in effect."""

    name: str
    value: Any
    source: str
    """`flag`, the name of a variable, `file:line` or `default`."""


@click.group("config")
def config_group() -> None:
    """Show the settings of a run."""


@config_group.command("show")
@run_options(list(FORMATS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show_config(ctx: click.Context, /, *, as_json: bool, **given: Any) -> None:
    """Show the settings of a run with these options, each with its source. No secret is shown."""
    document: Document | None = given["config"]
    if document is not None and document.diagnostics:
        raise FileErrors(document.diagnostics)
    settings_from(given, ctx.get_parameter_source)  # its mistakes are those of a run
    found = [*_options(ctx, given, document), *_secrets(given), *_sections(document)]
    if as_json:
        say(json.dumps({"settings": [each._asdict() for each in found]}, indent=2, ensure_ascii=False), json=True)
        return
    width = max(len(each.name) for each in found)
    for each in found:
        value = each.value if isinstance(each.value, str) else json.dumps(each.value, ensure_ascii=False)
        say(f"{each.name:<{width}}  {printable(value)}  " + click.style(f"({printable(each.source)})", dim=True))


def _options(ctx: click.Context, given: Mapping[str, Any], document: Document | None) -> Iterator[Setting]:
    effective = settled(given, ctx.get_parameter_source)
    for param in ctx.command.params:
        name = str(param.name)
        if not isinstance(param, click.Option) or name == "as_json":
            continue
        key = param.opts[0].lstrip("-")
        source = _source(ctx, param, document)
        if name == "config":
            path = None if document is None else document.path
            yield Setting(key, path, "found" if document is not None and source == DEFAULT else source)
        elif effective[name] != given[name]:
            yield Setting(key, _shown(name, effective[name]), f"{source}, excluded by another option")
        else:
            yield Setting(key, _shown(name, effective[name]), source)


def _source(ctx: click.Context, param: click.Option, document: Document | None) -> str:
    where = ctx.get_parameter_source(str(param.name))
    if where is ParameterSource.COMMANDLINE:
        return FLAG
    if where is ParameterSource.ENVIRONMENT:
        variables = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
        return next(name for name in variables if os.environ.get(name, "").strip())
    if where is ParameterSource.DEFAULT_MAP and document is not None:
        return f"{document.path}:{document.line((param.opts[0].lstrip('-'),))}"
    return DEFAULT


def _shown(name: str, value: Any) -> Any:
    """Return a value that is safe to show: of an address that may hold a secret, only the host."""
    if isinstance(value, tuple | list):
        return [_shown(name, each) for each in value]
    if isinstance(value, dt.timedelta):
        return spelt_period(value)
    if isinstance(value, str) and "://" in value and name not in _PUBLIC:
        parts = urlsplit(value)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}/…" if host else value
    return value


def _secrets(given: Mapping[str, Any]) -> Iterator[Setting]:
    """Yield whether a token and notification URLs are set, never their values."""
    if given["token_file"] is not None:
        yield Setting("token", SET, f"the file {given['token_file']}")
    elif not (given["demo"] or given["input"]):
        variable = token_variable(os.environ)
        yield Setting("token", SET if variable else None, variable or DEFAULT)
    if os.environ.get(NOTIFY_VARIABLE, "").strip() and given["notify_file"] is None and not given["demo"]:
        yield Setting("notify-urls", SET, NOTIFY_VARIABLE)


def _sections(document: Document | None) -> Iterator[Setting]:
    """Yield the leaves of a config file's keys that are not options."""
    value = document.value if document is not None and isinstance(document.value, dict) else {}
    for section in (email_section.SECTION, "overrides"):
        if document is not None and isinstance(value.get(section), dict):
            yield from _leaves(document, (section,), value[section])


def _leaves(document: Document, here: Path, value: Any) -> Iterator[Setting]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(document, (*here, key), item)
    else:
        shown = "off" if value is False and len(here) == 2 else value  # noqa: PLR2004 - of overrides, YAML reads off so
        yield Setting(".".join(map(str, here)), shown, f"{document.path}:{document.line(here)}")
