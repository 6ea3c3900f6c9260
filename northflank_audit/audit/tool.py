"""The name and version by which reports and snapshots call this program, and the ids of its runs."""

import os
from typing import Final

from northflank_audit import __version__
from northflank_audit.report import Tool

TOOL: Final = Tool("northflank-audit", __version__)


def new_run_id() -> str:
    """Return an id for a run. It starts with a letter: a spreadsheet takes 12345678e1234567 for a number."""
    return f"r{os.urandom(8).hex()}"
