"""Reads files that users name, within limits of time and size."""

import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import click

from northflank_audit.bounded import OutOfTime, within
from northflank_audit.errors import StartError
from northflank_audit.jsontext import as_utf8
from northflank_audit.printable import printable, spelt
from northflank_audit.spool import copied

LARGEST: Final = 16 * 1024 * 1024
"""Maximum bytes of a file that a person writes: rules, waivers, a config, a token."""
LARGEST_DATA: Final = 1024 * 1024 * 1024
"""Maximum bytes of a file that a program writes: an input, an earlier report."""
TIME: Final = 300.0
"""Seconds that reading takes at most, unless a command sets another limit."""
STANDARD_INPUT: Final = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

_CLOCK: Final = "northflank_audit.reading"
_CHUNK: Final = 1024 * 1024


def is_folder(path: str | Path) -> bool:
    """Return whether this is a folder; False if the system refuses to look, which reading or writing it reports.

    Path.is_dir and Path.is_file raise OSError then, such as PermissionError, before Python 3.14.
    """
    return os.path.isdir(path)  # noqa: PTH112 - as above


def is_file(path: str | Path) -> bool:
    """Return whether this is a file; False as for `is_folder`."""
    return os.path.isfile(path)  # noqa: PTH113 - as above


def bound(ctx: click.Context, seconds: float) -> None:
    """Limit the reading of a command's files to this many seconds since the first call."""
    start, _ = ctx.meta.get(_CLOCK, (time.monotonic(), 0))
    ctx.meta[_CLOCK] = (start, seconds)


def open_file(path: str, *, largest: int = LARGEST_DATA, name: str = "") -> BinaryIO:
    """Open a file to read it from anywhere, also repeatedly. Raises StartError if that fails.

    A device or a pipe is first read to its end, and a copy is opened: in memory if it is small, otherwise a temporary
    file without a name. `name` replaces the path in messages. A pipe has the rest of the run's time, or one without a
    writer would block the run for ever.
    """
    name = _named(path, name)
    with _reporting(name):
        if path not in STANDARD_INPUT and stat.S_ISREG(Path(path).stat().st_mode):
            file: BinaryIO = Path(path).open("rb")  # noqa: SIM115 - the caller closes it
        else:
            file = _in_time(lambda: copied(_up_to(largest, _chunks(path))), name)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
    if size > largest:
        file.close()
        raise StartError(f"{name}: larger than {largest // 2**20} MiB, so probably the wrong file")
    return file


def read_bytes(path: str, *, largest: int = LARGEST, name: str = "") -> bytes:
    """Read a file, a device or a pipe to its end. Raises StartError as `open_file` does."""
    with open_file(path, largest=largest, name=name) as file, _reporting(_named(path, name)):
        return file.read()


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


def _named(path: str, name: str) -> str:
    return name or ("standard input" if path == "-" else printable(spelt(path)))


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise StartError(f"{name}: can't be read ({getattr(error, 'strerror', None) or error})") from None


def _up_to(largest: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks until more than `largest` bytes have passed."""
    size = 0
    for chunk in chunks:
        yield chunk
        size += len(chunk)
        if size > largest:
            return


def _chunks(path: str) -> Iterator[bytes]:
    if path not in STANDARD_INPUT:
        with Path(path).open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")
        return
    if sys.stdin is None:
        raise OSError(0, "it is closed")
    try:
        descriptor = sys.stdin.fileno()
    except OSError:  # not a file of the system, as in tests
        yield from iter(lambda: sys.stdin.buffer.read(_CHUNK), b"")
        return
    # Read without Python's buffer: a waiting thread would hold its lock and break the end of the process.
    yield from iter(lambda: os.read(descriptor, _CHUNK), b"")


def _in_time(read: Callable[[], BinaryIO], name: str) -> BinaryIO:
    """Return what a thread reads. If the time runs out, abandon the thread and raise StartError."""
    ctx = click.get_current_context(silent=True)
    start, seconds = ctx.meta.get(_CLOCK, (time.monotonic(), TIME)) if ctx else (time.monotonic(), TIME)
    try:
        return within(start + seconds - time.monotonic(), read, "reading")
    except OutOfTime:
        problem = f"{name}: not written to its end within the run's {seconds:g} s (see --timeout)"
        raise StartError(problem) from None
