"""Decides between options that exclude each other, by their source."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import click
from click.core import ParameterSource

OptionSource = Callable[[str], ParameterSource | None]
"""Tells where the value of an option comes from, by the option's name in Python."""

_RANKS: Final = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)
_EMPTY: Final[Mapping[str, Any]] = {"all_teams": False, "team": (), "input": ()}
_OF_DEMO: Final = ("input", "api_url", "token_file")
"""What the demo provides itself."""


def settled(given: Mapping[str, Any], source: OptionSource) -> dict[str, Any]:
    """Return the options without those that one of higher precedence excludes.

    A flag beats the environment, which beats the config file. Raises click.UsageError if two that exclude each
    other come from the same source.
    """
    values = {**given}
    if values["demo"] and any(source(name) is ParameterSource.COMMANDLINE for name in _OF_DEMO):
        if source("demo") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--demo brings its own API and token: omit --input, --api-url and --token-file")
        values["demo"] = False
    if values["demo"]:  # settings of the config file and environment for the real account do not apply
        values |= {"input": (), "token_file": None}
    remaining: list[str] = []
    for name in sorted(filter(values.get, _EMPTY), key=lambda name: _rank(source, name)):
        for other in remaining:
            problem = _conflict(values, source, {name, other})
            if problem and _rank(source, name) == _rank(source, other):
                raise click.UsageError(problem)
            if problem:
                values[name] = _EMPTY[name]
                break
        else:
            remaining.append(name)
    return values


def _rank(source: OptionSource, name: str) -> int:
    """Return the precedence of an option's value: 0 is that of a flag."""
    where = source(name)
    return _RANKS.index(where) if where in _RANKS else len(_RANKS)


def _conflict(values: Mapping[str, Any], source: OptionSource, names: set[str]) -> str:
    """Return why two options exclude each other, or an empty text."""
    if names == {"all_teams", "team"}:
        return "--team and --all-teams exclude each other"
    both_nearest = _rank(source, "input") == _rank(source, "team") or _rank(source, "team") == 0
    if names == {"input", "team"} and len(values["team"]) == 1 and both_nearest:
        return ""
    return "with --input, at most one --team can say whose resources they are"
