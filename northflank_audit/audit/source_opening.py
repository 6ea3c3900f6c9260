"""Opens the source of an audit's resources."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import UNSET

from northflank_audit.audit.run_context import ALONE, RunContext
from northflank_audit.config.settings import Settings
from northflank_audit.deadline import Deadline
from northflank_audit.errors import StartError, did_you_mean
from northflank_audit.northflank.token import Token
from northflank_audit.printable import spelt
from northflank_audit.reading import open_file
from northflank_audit.report import Origin
from northflank_audit.resources import TYPES, Scope
from northflank_audit.sources.input_forms import InputFile
from northflank_audit.sources.interface import Source
from northflank_audit.sources.saved_files import InputSource

if TYPE_CHECKING:
    from northflank_audit.sources.api import ApiSource
    from northflank_audit.sources.counting import CountingSource

AnyApiSource = TypeVar("AnyApiSource", bound="ApiSource")


@contextmanager
def opened(settings: Settings, deadline: Deadline | None = None, context: RunContext = ALONE) -> Iterator[Source]:
    """Open the source of the resources: the API, files, or the emulator's API."""
    deadline = deadline or Deadline(settings.timeout)
    if settings.input:
        with ExitStack() as stack:
            files = [stack.enter_context(closing(input_file(given))) for given in settings.input]
            yield stack.enter_context(closing(InputSource(files, settings.team[0] if settings.team else None)))
        return
    from northflank_audit.sources.api import ApiSource  # noqa: PLC0415 - imports requests

    with _api(settings, deadline, ApiSource, context) as source:
        yield source


@contextmanager
def counting(settings: Settings, deadline: Deadline) -> Iterator["CountingSource"]:
    """Open a source that reads lists and counts the requests for parts: the API, or the emulator's."""
    from northflank_audit.sources.counting import CountingSource  # noqa: PLC0415 - imports requests

    with _api(settings, deadline, CountingSource) as source:
        yield source


@contextmanager
def _api(
    settings: Settings, deadline: Deadline, kind: type[AnyApiSource], context: RunContext = ALONE
) -> Iterator[AnyApiSource]:
    from northflank_audit.northflank.client import Client  # noqa: PLC0415 - imports requests

    with ExitStack() as stack:
        if settings.demo:
            from northflank_audit.emulator import Emulator, load  # noqa: PLC0415 - for the demo only

            emulator = stack.enter_context(Emulator(load(None)))
            url, token = emulator.url, Token(emulator.token, "the emulator")
        else:
            url, token = settings.api_url, context.token or settings.token(os.environ)
        client = stack.enter_context(
            Client(
                url,
                token,
                max_attempts=settings.max_attempts,
                deadline=deadline,
                direct=settings.demo,
                max_requests=settings.max_requests,
                reserve=settings.reserve,
                shared=context.limit,
                adapter=context.adapter,
            )
        )
        origin = Origin(
            kind="demo" if settings.demo else "api",
            url=url,
            teams=list(settings.team),
            all_teams=settings.all_teams or UNSET,
        )
        teams = None if settings.all_teams else settings.team
        yield kind(client, origin, teams, page_size=settings.page_size, details=settings.details != "never")


TYPED: Final = re.compile(r"([a-z][a-z0-9-]*)(?:@([^=]*))?=(.+)", re.DOTALL)
"""`TYPE=FILE`, or `TYPE@PROJECT=FILE`."""


def input_file(given: str) -> InputFile:
    """Return a file that `--input` names: `FILE`, `TYPE=FILE` or `TYPE@PROJECT=FILE`. Raises StartError.

    If a file with the whole name exists, it is that file.
    """
    typed = None if os.path.lexists(given) else TYPED.fullmatch(given)
    if typed is None:
        return InputFile(_input_name(given), open_file(given))
    name, project, path = typed.groups()
    kind = TYPES.get(name)
    if kind is None or kind.listing is None:
        types = [each.name for each in TYPES.values() if each.listing is not None and each.within is None]
        raise StartError(
            f"--input {spelt(given)}: unknown type '{name}'{did_you_mean(name, types)}; see the command types"
        )
    if kind.within is not None:
        parents = kind.within.parent.plural
        raise StartError(
            f"--input {spelt(given)}: {kind.plural} are parts of {parents}, whose list lacks them; use "
            "a snapshot of a live audit does"
        )
    if kind.scope is Scope.PROJECT and not project:
        raise StartError(f"--input {spelt(given)}: {kind.plural} belong to a project: {name}@PROJECT={spelt(path)}")
    if kind.scope is not Scope.PROJECT and project is not None:
        raise StartError(f"--input {spelt(given)}: {kind.plural} belong to no project: {name}={spelt(path)}")
    return InputFile(_input_name(path), open_file(path), name, project)


def _input_name(path: str) -> str:
    return "standard input" if path == "-" else spelt(path)
