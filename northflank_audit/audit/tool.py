"""The name and version by which reports and snapshots call this program."""

from typing import Final

from northflank_audit import __version__
from northflank_audit.report import Tool

TOOL: Final = Tool("northflank-audit", __version__)
