"""The tool's name and version, and run ids."""

import os
from typing import Final

from northflank_audit import __version__
from northflank_audit.report import Tool

TOOL: Final = Tool("northflank-audit", __version__)


def new_run_id() -> str:
    """Return a run's id. It starts with a letter, because a spreadsheet reads 12345678e1234567 as a number."""
    return f"r{os.urandom(8).hex()}"
