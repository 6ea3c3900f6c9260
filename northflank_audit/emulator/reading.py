"""Reading the files that tell the emulator what to serve."""

import json
from pathlib import Path
from typing import Any

from northflank_audit.errors import StartError


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
        import yaml  # noqa: PLC0415 - JSON needs none

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
