"""Keeps what does not fit memory in temporary files."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Self

IN_MEMORY: Final = 1024 * 1024
"""Bytes that stay in memory."""
_CHUNK: Final = 256 * 1024


class Spool:
    """A growing file: in memory while it is small, then a temporary file without a name.

    Where no temporary file can be made, it stays in memory.
    """

    def __init__(self, folder: str | None = None) -> None:
        """`folder` is where the temporary file is, by default the system's folder for such files."""
        self.file: BinaryIO = io.BytesIO()
        self._folder = folder
        self._can_move = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Delete it."""
        self.file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content. Raises OSError."""
        self.file.seek(0)
        yield from iter(lambda: self.file.read(_CHUNK), b"")

    def write(self, content: bytes) -> None:
        """Add to the end. Raises OSError if there is no room."""
        if self._can_move and self.file.tell() + len(content) > IN_MEMORY:
            self._move()
        self.file.write(content)

    def _move(self) -> None:
        self._can_move = False
        try:
            file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `__exit__` closes it
        except OSError:
            return
        memory, self.file = self.file, file
        memory.seek(0)
        self.file.write(memory.read())


def copied(chunks: Iterable[bytes]) -> BinaryIO:
    """Return a file with this content, which the caller closes. Raises OSError."""
    spool = Spool()
    try:
        for chunk in chunks:
            spool.write(chunk)
    except BaseException:
        spool.file.close()
        raise
    return spool.file
