"""Reads files that users name, within limits of time and size."""

import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from northflank_audit.bounded import OutOfTime, within
from northflank_audit.errors import StartError
from northflank_audit.jsontext import as_utf8
from northflank_audit.printable import printable, spelt

LARGEST: Final = 16 * 1024 * 1024
"""Maximum bytes of a file that a person writes: rules, waivers, a config, a token."""
LARGEST_DATA: Final = 1024 * 1024 * 1024
"""Maximum bytes of a file that a program writes: an input, an earlier report."""
TIME: Final = 300.0
"""Seconds that reading takes at most, unless a command sets another limit."""
STANDARD_INPUT: Final = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

_CLOCK: Final = "northflank_audit.reading"
_CHUNK: Final = 1024 * 1024


def bound(ctx: click.Context, seconds: float) -> None:
    """Limit the reading of a command's files to this many seconds since the first call."""
    start, _ = ctx.meta.get(_CLOCK, (time.monotonic(), 0))
    ctx.meta[_CLOCK] = (start, seconds)


def read_bytes(path: str, *, largest: int = LARGEST, name: str = "") -> bytes:
    """Read a file, a device or a pipe to its end. Raises StartError if that fails.

    `name` replaces the path in messages. A pipe has the rest of the run's time, or one without a writer would block
    the run for ever.
    """
    name = name or ("standard input" if path == "-" else printable(spelt(path)))
    try:
        if path not in STANDARD_INPUT and stat.S_ISREG(Path(path).stat().st_mode):
            content = _from_file(path, largest)
        else:
            content = _in_time(lambda: _from_file(path, largest), name)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise StartError(f"{name}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    if len(content) > largest:
        raise StartError(f"{name}: larger than {largest // 2**20} MiB, so probably the wrong file")
    return content


def read_text(path: str, *, exact: bool = False, largest: int = LARGEST, name: str = "") -> str:
    """Read a text file in UTF-8, UTF-16 or UTF-32. Raises StartError if that fails.

    `exact` keeps the byte order mark and line ends of UTF-8, so that encoding the text gives the file's bytes.
    """
    content = read_bytes(path, largest=largest, name=name)
    try:
        if exact:
            return content.decode()
        return as_utf8(content).decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise StartError(f"{name or printable(spelt(path))}: not UTF-8 text") from None


def _from_file(path: str, largest: int) -> bytes:
    """Return a file's bytes, at most one more than `largest`."""
    if path not in STANDARD_INPUT:
        with Path(path).open("rb") as file:
            return file.read(largest + 1)
    if sys.stdin is None:
        raise OSError(0, "it is closed")
    try:
        descriptor = sys.stdin.fileno()
    except OSError:  # not a file of the system, as in tests
        return sys.stdin.buffer.read(largest + 1)
    content = bytearray()
    # Read without Python's buffer: a waiting thread would hold its lock and break the end of the process.
    while len(content) <= largest and (chunk := os.read(descriptor, _CHUNK)):
        content += chunk
    return bytes(content[: largest + 1])


def _in_time(read: Callable[[], bytes], name: str) -> bytes:
    """Return what a thread reads. If the time runs out, abandon the thread and raise StartError."""
    ctx = click.get_current_context(silent=True)
    start, seconds = ctx.meta.get(_CLOCK, (time.monotonic(), TIME)) if ctx else (time.monotonic(), TIME)
    try:
        return within(start + seconds - time.monotonic(), read, "reading")
    except OutOfTime:
        problem = f"{name}: not written to its end within the run's {seconds:g} s (see --timeout)"
        raise StartError(problem) from None
