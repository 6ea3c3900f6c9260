"""Completes values of options in the shell, quickly and without errors."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from northflank_audit import bundled

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_rules(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids of bundled rules."""
    return beginning(incomplete, bundled.rule_packs())


def _paths(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the bundled packs, and leave files to the shell."""
    packs = sorted(f"pack:{file.stem}" for file in (bundled.RULES / "packs").glob("*.yaml"))
    return [*beginning(incomplete, packs), CompletionItem(incomplete, type="file")]


def _files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def _folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


BY_OPTION: Final[dict[str, Complete]] = {"--rule": complete_rules, "--skip-rule": complete_rules, "--rules": _paths}
BY_METAVAR: Final[dict[str, Complete]] = {"FILE": _files, "FILE.prom": _files, "DIR": _folders}


def completing(name: str, metavar: str | None) -> dict[str, Any]:
    """Return click's argument for completing the values of an option."""
    found = BY_OPTION.get(name) or BY_METAVAR.get(metavar or "")
    return {} if found is None else {"shell_complete": found}


def beginning(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    """Return the names that begin so."""
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
