"""What the values of options are, besides what click knows: names of a list, a report and its place, a mail address."""

from collections.abc import Sequence
from typing import Any, ClassVar

import click

from northflank_audit.delivery.mailconfig import problem_of
from northflank_audit.errors import did_you_mean


def _unknown(name: str, known: Sequence[str]) -> str:
    return f"'{name}' is not one of {', '.join(known)}{did_you_mean(name, known)}"


class Words(click.ParamType[Any]):
    """Names, separated by commas; a YAML list in a config file. `known` are the ones that there are."""

    name = "NAME[,NAME…]"
    lists: ClassVar = True

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split and check."""
        words = value if isinstance(value, list | tuple) else str(value).split(",")
        names = tuple(dict.fromkeys(str(word).strip() for word in words if str(word).strip()))
        for name in names:
            if name not in self.known:
                self.fail(_unknown(name, self.known), param, ctx)
        return names


class Output(click.ParamType[Any]):
    """`NAME=PATH`."""

    name = "NAME=PATH"

    def __init__(self, known: Sequence[str]) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split and check."""
        if isinstance(value, tuple):
            return value
        name, equals, path = str(value).partition("=")
        if name not in self.known:
            self.fail(_unknown(name, self.known), param, ctx)
        if not equals or not path:
            self.fail(f"'{value}' names no place; write {name}=PATH, or {name}=- for standard output", param, ctx)
        return name, path


class Address(click.ParamType[Any]):
    """A mail address."""

    name = "ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check."""
        address = str(value).strip()
        if problem := problem_of(address):
            self.fail(problem, param, ctx)
        return address
