"""The report as indented JSON, as docs/reference.md describes it."""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from northflank_audit.report import Report

_RESULTS: Final = b'\n  "results": ['
"""The start of the list of results; nothing else is indented so little."""


def pieces(report: Report) -> Iterator[str]:
    """Yield the report as JSON, result by result."""
    rest = msgspec.json.format(msgspec.json.encode(replace(report, results=[])), indent=2)
    before, _, after = rest.partition(_RESULTS)
    yield (before + _RESULTS).decode()
    encoder, separator = msgspec.json.Encoder(), ""
    for each in report.results:
        text = msgspec.json.format(encoder.encode(each), indent=2).decode()
        yield separator + "\n    " + text.replace("\n", "\n    ")
        separator = ","
    yield ("\n  " if separator else "") + after.decode() + "\n"
