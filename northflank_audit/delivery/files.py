"""Replaces files whole or not at all, several at once."""

import errno
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

from northflank_audit.delivery import pipes
from northflank_audit.errors import DeliveryError
from northflank_audit.printable import spelt
from northflank_audit.reading import is_file
from northflank_audit.spool import Spool
from northflank_audit.stopping import before_leaving

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 60.0
"""Seconds to wait for another run that is writing into the same folder."""


class Chunks:
    """The content of a file that does not fit memory."""

    def __init__(self, make: Callable[[], Iterable[bytes]]) -> None:
        """`make` makes the content, whenever it is called."""
        self._make = make

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content."""
        return iter(self._make())


Content = str | bytes | Chunks | Spool
"""The content of a file; text is written as UTF-8, with unchanged line ends."""


class NotWritten(DeliveryError):
    """The file at `path` could not be written, and neither were the files written with it."""

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(f"{spelt(path)} could not be written ({getattr(error, 'strerror', None) or error})")
        self.path = path


def is_stream(path: str) -> bool:
    """Return whether a path is written to in place: standard output (`-`), a device, a pipe.

    A link is not, whatever its target, except for the system's own, such as /dev/stdout.
    """
    return path == "-" or pipes.is_pipe(path)


def write(path: str, content: Content, *, mode: int | None = None) -> None:
    """Write a file beside its place and move it there. Raises NotWritten, and then the old file stands.

    Permissions are `mode`, or else those of the file that it replaces. A link is replaced, and not what it leads to. A
    device or a pipe is written to, for `pipes.LONGEST` seconds at most.
    """
    if not is_stream(path):
        write_all([(path, content)], mode=mode)
        return
    with _reporting(path):
        pipes.write(path, _chunks(content))


def append(path: str, text: str) -> None:
    """Append text to a file. Raises NotWritten."""
    with _reporting(path):
        if pipes.is_pipe(os.path.realpath(path)):
            pipes.write(path, [text.encode()])
            return
        with Path(path).open("a", encoding="utf-8", newline="") as file:
            file.write(text)


def write_all(contents: Sequence[tuple[str, Content]], *, mode: int | None = None) -> None:
    """Write several files beside their places, and when all are there, move them.

    Raises NotWritten for the first that fails; before the move, the old files are unchanged. A file that can't be
    replaced because it is mounted is written in place, with a warning.
    """
    staged: list[tuple[str, Path | None, Path, Iterable[bytes]]] = []
    temporaries: list[Path] = []
    folders: dict[Path, Path] = {}
    try:
        for path, given in contents:
            content = _chunks(given)
            with _reporting(path):
                folder = Path(path).parent
                if folder not in folders:
                    folders[folder] = _made(folder)
                target = folders[folder] / Path(path).name
                temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
                temporaries.append(temporary)
                _unfinished.add(temporary)
                ready = _stage(temporary, target, content, mode)
                staged.append((path, temporary if ready else None, target, content))
        for path, moved, target, content in staged:
            with _reporting(path):
                if moved is not None and _moved(moved, target):
                    temporaries.remove(moved)
                    _unfinished.discard(moved)
                else:
                    _write_in_place(target, content)
    finally:
        _discard(temporaries)


def _made(folder: Path) -> Path:
    """Make a folder if it is not there, and return its path without links."""
    whole = Path(os.path.realpath(folder))
    whole.mkdir(parents=True, exist_ok=True)
    return whole


_unfinished: Final[set[Path]] = set()
"""The temporary files of this process that are not yet moved."""


def _discard(temporaries: Iterable[Path]) -> None:
    for each in list(temporaries):
        with suppress(OSError):
            each.unlink(missing_ok=True)
        _unfinished.discard(each)


before_leaving(lambda: _discard(_unfinished))


def _chunks(content: Content) -> Iterable[bytes]:
    if isinstance(content, str):
        return [content.encode()]
    return [content] if isinstance(content, bytes) else content


def _moved(temporary: Path, target: Path) -> bool:
    """Move a file into place; return False if that is a mounted file, which must stay the same file."""
    try:
        temporary.replace(target)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV) or not _is_file(target):
            raise
        return False
    return True


def _write_in_place(target: Path, content: Iterable[bytes]) -> None:
    log.warning("%s can't be replaced (is it mounted?), so it was written in place", spelt(str(target)))
    # Truncate only after writing, so that a full disk loses no content.
    with os.fdopen(os.open(target, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)), "wb") as file:
        file.writelines(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _is_file(path: Path) -> bool:
    return is_file(path) and not path.is_symlink()


@contextmanager
def alone(folder: str) -> Iterator[None]:
    """Lock a folder against other runs that write reports. Raises NotWritten if the lock is not available in time.

    The folder itself is locked (flock(2)), so no lock file remains. Without such locks, as on Windows and some
    network drives, only `write_all` keeps the files of two runs apart.
    """
    with _reporting(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    with _reporting(folder):
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
            except OSError:  # no locks on this file system
                break
            else:
                break
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _reporting(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(path, error) from None


def _stage(temporary: Path, target: Path, content: Iterable[bytes], mode: int | None) -> bool:
    """Write a temporary file beside the path. Return False if only the path itself is writable: a mounted file."""
    try:
        with temporary.open("xb") as file:
            if mode is not None:
                temporary.chmod(mode)
            elif _is_file(target):
                shutil.copymode(target, temporary)
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno != errno.EROFS or not _is_file(target):
            raise
        return False
    return True
