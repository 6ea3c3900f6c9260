"""Makes the paths of a target's settings absolute, because workers have other working folders."""

import os
from collections.abc import Container, Iterator
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from northflank_audit.audit.source_opening import TYPED
from northflank_audit.config.destinations import resolved
from northflank_audit.config.policy import PACK
from northflank_audit.config.settings import Settings

_FILES: Final = ("waivers", "annotations", "compare", "save_snapshot", "notify_file", "metrics_file", "token_file")
"""The options that name one file."""
_SQLITE: Final = "sqlite:///"


def absolute(settings: Settings, folder: str, flags: Container[str]) -> Settings:
    """Return settings with absolute paths.

    Those of `flags` are relative to the working folder, the others to `folder`.
    """

    def located(option: str, path: str) -> str:
        return below("." if option in flags else folder, path)

    values = {name: getattr(settings, name) for name in _FILES}
    changes: dict[str, Any] = {name: located(name, path) for name, path in values.items() if path is not None}
    if settings.history is not None:
        changes["history"] = _database(settings.history, "." if "history" in flags else folder)
    return replace(
        settings,
        **changes,
        output_dir=below(".", settings.output_dir),
        rules=tuple(path if path.startswith(PACK) else located("rules", path) for path in settings.rules),
        output=tuple((name, path if path == "-" else located("output", path)) for name, path in settings.output),
        input=tuple(map(partial(_input, folder), settings.input)),
    )


def written(settings: Settings) -> Iterator[str]:
    """Yield the files that a target writes, without links."""
    paths = (path for _, path in settings.destinations)
    yield from resolved((*paths, *filter(None, (settings.save_snapshot, settings.metrics_file))))


def below(folder: str, path: str) -> str:
    """Return the absolute path of one that is relative to a folder."""
    return os.path.abspath(os.path.join(folder, path))  # noqa: PTH100, PTH118 - Path keeps `..`


def _database(history: str, folder: str) -> str:
    if "://" not in history:
        return below(folder, history)
    if history.startswith(_SQLITE):
        return _SQLITE + below(folder, history.removeprefix(_SQLITE))
    return history


def _input(folder: str, given: str) -> str:
    """Return what `--input` takes: a file, `TYPE=FILE` or `TYPE@PROJECT=FILE`."""
    whole = below(folder, given)
    typed = None if os.path.lexists(whole) else TYPED.fullmatch(given)
    if typed is None:
        return whole
    kind, project, path = typed.groups()
    return f"{kind}{'' if project is None else f'@{project}'}={below(folder, path)}"
