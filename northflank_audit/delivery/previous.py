"""Keeps the last complete HTML report if an audit saw nothing."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from northflank_audit.formats import FORMATS
from northflank_audit.reading import is_file

_COMPLETE: Final = re.compile(r'<meta name="audit-outcome" content="(?:PASSED|VIOLATED)">')
_HEAD: Final = 5000
"""Characters at the start of a page that contain its outcome."""


def previous(places: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the new path and the text of each complete HTML report that the report of a failed run is about to replace.

    `places` are formats' names and paths. An incomplete report is not kept, so it never replaces a complete one.
    """
    for name, path in places:
        file = Path(path)
        if not FORMATS[name].is_page or not is_file(file):
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # not a report of this tool
            continue
        if _COMPLETE.search(text[:_HEAD]):
            yield str(file.with_name(f"{file.stem}.previous{file.suffix}")), text
