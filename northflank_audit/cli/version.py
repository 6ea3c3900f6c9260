"""The option `--version`, without importing the CEL engine."""

import json
import platform
import sys
from pathlib import Path
from typing import Final

from northflank_audit import __version__

ENGINE: Final = "cel-expr-python"


def versions(*, as_json: bool) -> str:
    """Return the versions, one per line or as JSON."""
    others = {ENGINE: _installed(ENGINE), "python": platform.python_version()}
    if as_json:
        return json.dumps({"northflank-audit": __version__, **others})
    return "\n".join([f"northflank-audit, version {__version__}", *(f"{name} {each}" for name, each in others.items())])


def _installed(package: str) -> str:
    """Return the version of an installed package by the name of its metadata folder, without imports."""
    prefix = package.replace("-", "_")
    for folder in sys.path:
        found = next(Path(folder).glob(f"{prefix}-*.dist-info"), None)
        if found is not None:
            return found.name.removeprefix(f"{prefix}-").removesuffix(".dist-info")
    return "unknown"
