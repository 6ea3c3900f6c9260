"""The option `--version`, without importing the CEL engine."""

import json
import platform
from typing import Final

from northflank_audit import __version__
from northflank_audit.installed import version

ENGINE: Final = "cel-expr-python"


def versions(*, as_json: bool) -> str:
    """Return the versions, one per line or as JSON."""
    others = {ENGINE: version(ENGINE), "python": platform.python_version()}
    if as_json:
        return json.dumps({"northflank-audit": __version__, **others})
    return "\n".join([f"northflank-audit, version {__version__}", *(f"{name} {each}" for name, each in others.items())])
