"""Warns of secret files that every user can read."""

import os
import shlex
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from northflank_audit.printable import spelt


def exposed(files: Mapping[str, str | None]) -> list[str]:
    """Return a warning for each of these files, by option, that users other than its owner and group can read.

    On a read-only file system, such as a secret that Kubernetes mounts, whoever mounts it sets the mode.
    """
    return [
        f"{option} {spelt(path)}: every user of this machine can read it; chmod o= {shlex.quote(spelt(path))} "
        "makes it private"
        for option, path in files.items()
        if path is not None and _is_exposed(path)
    ]


def _is_exposed(path: str) -> bool:
    if sys.platform == "win32":  # its mode does not say who may read
        return False
    try:
        mode = Path(path).stat().st_mode
        fixed = os.statvfs(path).f_flag & os.ST_RDONLY
    except (OSError, ValueError):  # reported when the file is read
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH) and not fixed
