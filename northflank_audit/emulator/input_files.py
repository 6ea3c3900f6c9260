"""Reading the files that tell the emulator what to serve."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from northflank_audit.errors import StartError, did_you_mean

T = TypeVar("T", bound=msgspec.Struct)


def read(source: str) -> Any:
    """Return what a JSON or YAML file holds. Raises StartError."""
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


def converted(where: str, value: Any, kind: type[T], *below: type[msgspec.Struct]) -> T:
    """Return a value as a struct. Raises StartError, with the place of the mistake and the nearest key that there is.

    `below` are the structs whose keys may stand inside.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        unknown = re.search(r"unknown field `(.*)`", problem)
    if unknown:
        structs: tuple[type[msgspec.Struct], ...] = (kind, *below)
        keys = [each.encode_name for struct in structs for each in msgspec.structs.fields(struct)]
        problem = f"unknown key '{unknown[1]}'{hint(unknown[1], keys)}"
    place = place.strip("`$")
    raise StartError(f"{where}{place if where.endswith(']') else place.replace('.', ': ', 1)}: {problem}")


def hint(key: str, keys: Iterable[str]) -> str:
    """Return the nearest of the keys that there are, or all of them."""
    keys = list(dict.fromkeys(keys))
    return did_you_mean(key, keys) or f"; choose from {', '.join(keys)}"
