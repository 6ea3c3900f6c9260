"""Writes to devices and pipes, which can't be replaced and may never be read."""

import errno
import os
import select
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

LONGEST: Final = 30.0
"""Seconds in which a pipe must be opened and read by someone."""
_PAUSE: Final = 0.05


def is_pipe(path: str) -> bool:
    """Tell whether a path is neither a file, a folder nor a link.

    The system's own links, such as /dev/stdout, lead to what a process has open, and count as what they lead to.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        folder = os.path.realpath(Path(path).parent)
        return folder == "/dev" or folder.startswith("/proc/")
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def write(path: str, content: bytes) -> None:
    """Write all of it. Raises OSError, and TimeoutError where nobody reads it for `LONGEST` seconds."""
    if (own := _own(path)) is not None:  # standard output by another name: as slow as its reader likes
        with os.fdopen(own, "wb") as stream:
            stream.write(content)
        return
    end = time.monotonic() + LONGEST
    descriptor = _opened(path, end)
    try:
        rest = memoryview(content)
        while rest:
            _await(descriptor, end)
            with suppress(BlockingIOError):
                rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _own(path: str) -> int | None:
    """Return a descriptor for standard output or standard error, where a path is another name of theirs."""
    with suppress(OSError):
        place = os.stat(path)  # noqa: PTH116 - what can be compared with a descriptor
        for descriptor in (1, 2):
            with suppress(OSError):
                if os.path.samestat(place, os.fstat(descriptor)):
                    return os.dup(descriptor)
    return None


def _opened(path: str, end: float) -> int:
    """Open a place to write to; a pipe has to be opened by a reader first."""
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
        raise TimeoutError(errno.ETIMEDOUT, f"nobody has read it for {LONGEST:g} s")
