"""Finds the versions of installed packages, and says which are missing."""

import sys
from functools import cache
from pathlib import Path
from typing import Final

from northflank_audit.errors import StartError

UNKNOWN: Final = "unknown"
EXTRAS: Final = {"fleet": "distributed", "notify": "apprise", "postgres": "psycopg[binary]", "xlsx": "xlsxwriter"}
"""The package of each extra, as pip is asked for it."""


@cache
def version(package: str) -> str:
    """Return the version of an installed package by the name of its metadata folder, or `unknown`.

    Unlike importlib.metadata, which imports parsers of mail and of archives, this takes a millisecond.
    """
    prefix = package.replace("-", "_")
    for folder in sys.path:
        found = next(Path(folder).glob(f"{prefix}-*.dist-info"), None)
        if found is not None:
            return found.name.removeprefix(f"{prefix}-").removesuffix(".dist-info")
    return UNKNOWN


def missing(what: str, extra: str) -> StartError:
    """Return the error of what needs an extra that is not installed.

    It names the extra's package: asked for ours with the extra, pip would fetch from its index whatever has our name
    there, where this tool is not installed but runs from a checkout.
    """
    return StartError(f"{what} needs the extra '{extra}': pip install '{EXTRAS[extra]}'")
