"""Keeps what does not fit memory in temporary files."""

import io
import tempfile
from collections.abc import Iterable
from typing import BinaryIO, Final

IN_MEMORY: Final = 8 * 1024 * 1024
"""Bytes that stay in memory."""


class Spool:
    """A growing file: in memory while it is small, then a temporary file without a name."""

    def __init__(self, folder: str | None = None, in_memory: int = IN_MEMORY) -> None:
        """`folder` is where the temporary file is, by default the system's folder for such files."""
        self.file: BinaryIO = io.BytesIO()
        self._folder = folder
        self._in_memory = in_memory

    def write(self, content: bytes) -> None:
        """Add to the end. Raises OSError."""
        file = self.file
        if isinstance(file, io.BytesIO) and file.tell() + len(content) > self._in_memory:
            self.file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `close` closes it
            self.file.write(file.getvalue())
        self.file.write(content)

    def close(self) -> None:
        """Delete it."""
        self.file.close()


def copied(chunks: Iterable[bytes]) -> BinaryIO:
    """Return a file with this content, which the caller closes. Raises OSError."""
    spool = Spool()
    try:
        for chunk in chunks:
            spool.write(chunk)
    except BaseException:
        spool.close()
        raise
    return spool.file
