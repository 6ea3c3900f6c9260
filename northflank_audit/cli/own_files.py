"""Replaces files that users keep, and reads the last report."""

from pathlib import Path

from northflank_audit.delivery import files
from northflank_audit.errors import DeliveryError, StartError
from northflank_audit.formats import BASELINE


def write_own(path: str, text: str) -> None:
    """Replace a file that a user keeps; if it is a link, replace its target. Raises StartError."""
    try:
        files.write(str(Path(path).resolve()) if Path(path).is_symlink() else path, text)
    except DeliveryError as error:
        raise StartError(str(error)) from None


def last_report(output_dir: str) -> str:
    """Return the path of the report that the last run wrote."""
    return str(Path(output_dir, BASELINE.filename))
