"""What a file says, also where it is a ZIP archive, as a workbook is."""

import io
import zipfile

from northflank_audit.formats import Format
from northflank_audit.report import Report


def unpacked(content: bytes) -> bytes:
    """Return a file's content; of an archive, that of its files one after the other."""
    if not content.startswith(b"PK"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def rendered(form: Format, report: Report) -> str:
    """Return what a format's file says."""
    return unpacked(form.content(report)).decode()
