"""Reads the emulator's files."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import yaml

from northflank_audit.errors import StartError, did_you_mean

T = TypeVar("T", bound=msgspec.Struct)
Steps = tuple[str | int, ...]
"""Where a value is in a file: `("projects", 0, "id")`."""
Reader = Callable[[str], Any]
"""Returns the content of a JSON or YAML file."""
_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]")
"""A step of msgspec's position; `[...]`, any key of a map, is not one."""
_lock = threading.Lock()
"""Of the first use of a struct: two threads in it end the process (msgspec 0.22)."""


class Mistake(NamedTuple):
    """A mistake in a value of a file, or (`key`) in its key."""

    steps: Steps
    problem: str
    key: bool = False

    def __str__(self) -> str:
        """Return the position in words, and the problem."""
        words = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in self.steps).lstrip(".")
        return f"{words}: {self.problem}" if words else self.problem


class Mistakes(StartError):
    """All mistakes in a file, one per line. A caller with the file's text can add lines and columns."""

    def __init__(self, path: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(f"{path}: {each}" for each in mistakes))
        self.path, self.mistakes = path, list(mistakes)


def read(source: str) -> Any:
    """Return the content of a JSON or YAML file. Raises StartError."""
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{source}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise StartError(f"{source}: nested too deeply") from None
    except ValueError:
        return _yaml(source, text)


def _yaml(source: str, text: str) -> Any:
    class Loader(yaml.CSafeLoader):
        """Dates stay text, as in JSON."""

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith("timestamp")]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RecursionError) as error:
        raise StartError(f"{source}: neither JSON nor YAML ({str(error).splitlines()[0]})") from None


def converted(path: str, at: Steps, value: Any, kind: type[T], *below: type[msgspec.Struct]) -> T:
    """Return a value at a position of a file as a struct. Raises Mistakes, with the nearest valid key.

    `below` are the structs whose keys may be inside.
    """
    try:
        with _lock:
            return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
    steps = (*at, *(int(number) if number else name for name, number in _STEP.findall(place)))
    if unknown := re.search(r"unknown field `(.*)`", problem):
        structs: tuple[type[msgspec.Struct], ...] = (kind, *below)
        keys = [each.encode_name for struct in structs for each in msgspec.structs.fields(struct)]
        steps, problem = (*steps, unknown[1]), f"unknown key '{unknown[1]}'{hint(unknown[1], keys)}"
    raise Mistakes(path, [Mistake(steps, problem, key=bool(unknown))])


def hint(key: str, keys: Iterable[str]) -> str:
    """Return the nearest valid key, or all of them."""
    keys = list(dict.fromkeys(keys))
    return did_you_mean(key, keys) or f"; choose from {', '.join(keys)}"
