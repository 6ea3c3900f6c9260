"""Writes to devices and pipes, within a time limit."""

import errno
import os
import select
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

LONGEST: Final = 30.0
"""Seconds within which another process must open and read a pipe."""
_PAUSE: Final = 0.05


def is_pipe(path: str) -> bool:
    """Return whether a path is neither a file, a folder nor a link.

    The system's own links, such as /dev/stdout, count as what the process has open there.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        folder = os.path.realpath(Path(path).parent)
        return folder == "/dev" or folder.startswith("/proc/")
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def write(path: str, content: Iterable[bytes]) -> None:
    """Write all chunks of it. Raises OSError, and TimeoutError if it is not read for `LONGEST` seconds."""
    if (own := _own(path)) is not None:  # another name of standard output, whose reader may take its time
        with os.fdopen(own, "wb") as stream:
            stream.writelines(content)
        return
    end = time.monotonic() + LONGEST
    descriptor = _opened(path, end)
    try:
        for chunk in content:
            rest = memoryview(chunk)
            while rest:
                _await(descriptor, end)
                with suppress(BlockingIOError):
                    rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _own(path: str) -> int | None:
    """Return the descriptor of standard output or standard error if a path is another name of it."""
    with suppress(OSError):
        place = os.stat(path)  # noqa: PTH116 - comparable with that of a descriptor
        for descriptor in (1, 2):
            with suppress(OSError):
                if os.path.samestat(place, os.fstat(descriptor)):
                    return os.dup(descriptor)
    return None


def _opened(path: str, end: float) -> int:
    """Open a path to write to; a pipe must first be opened by a reader."""
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        _still(end)
        time.sleep(_PAUSE)


def _await(descriptor: int, end: float) -> None:
    """Wait until something can be written."""
    if sys.platform == "win32":
        return
    _still(end)
    _, ready, _ = select.select([], [descriptor], [], max(0.0, end - time.monotonic()))
    if not ready:
        _still(end)


def _still(end: float) -> None:
    if time.monotonic() >= end:
        raise TimeoutError(errno.ETIMEDOUT, f"not read for {LONGEST:g} s")
