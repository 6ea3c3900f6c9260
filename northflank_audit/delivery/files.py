"""Files, replaced whole or not at all, and several at once so that those of two runs do not mix."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from northflank_audit.errors import DeliveryError
from northflank_audit.printable import spelt

LONGEST_WAIT: Final = 60.0
"""Seconds to wait for another run that is writing into the same folder."""


class NotWritten(DeliveryError):
    """The file at `path` could not be written, and none of those that go with it was."""

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(f"{spelt(path)} could not be written ({getattr(error, 'strerror', None) or error})")
        self.path = path


def is_stream(path: str) -> bool:
    """Tell whether a place is written to as it is and once: standard output (`-`), a device, a pipe."""
    place = Path(path)
    return path == "-" or (place.exists() and not place.is_file() and not place.is_dir())


def write(path: str, text: str, *, mode: int | None = None) -> None:
    """Write a file beside its place and move it there. Raises NotWritten, and then the old file stands.

    Line ends are those of `text`, permissions `mode` or else those of the file that it replaces. A place that is no
    regular file, such as /dev/null or a pipe, is written to as it is.
    """
    if not is_stream(path):
        write_all([(path, text)], mode=mode)
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWritten(path, error) from None


def append(path: str, text: str) -> None:
    """Write text after what a file holds. Raises NotWritten."""
    with _told(path), Path(path).open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def write_all(texts: Sequence[tuple[str, str]], *, mode: int | None = None) -> None:
    """Write several files beside their places, and when all are there, move them.

    Raises NotWritten for the first that fails; if that is before the move, the old files stand.
    """
    staged: list[tuple[str, Path, Path]] = []
    try:
        for path, text in texts:
            with _told(path):
                target = Path(os.path.realpath(path))
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
                staged.append((path, temporary, target))
                _stage(temporary, target, text, mode)
        for path, temporary, target in staged:
            with _told(path):
                temporary.replace(target)
    finally:
        for _, temporary, _ in staged:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def alone(folder: str) -> Iterator[None]:
    """Keep other runs from writing their reports into a folder meanwhile. Raises NotWritten if that can't be had.

    The folder itself is locked (flock(2)), so that nothing is left in it. Where that is not possible, as on Windows
    and some network drives, `write_all` alone keeps the files of two runs apart.
    """
    with _told(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        yield
        return
    with _told(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        give_up = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    reason = f"another run has been writing there for {LONGEST_WAIT:g} s"
                    raise NotWritten(folder, OSError(reason)) from None
                time.sleep(0.05)
            except OSError:  # no locks there
                break
            else:
                break
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(path, error) from None


def _stage(temporary: Path, target: Path, text: str, mode: int | None) -> None:
    with temporary.open("x", encoding="utf-8", newline="") as file:
        if mode is not None:
            temporary.chmod(mode)
        elif target.exists():
            shutil.copymode(target, temporary)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
