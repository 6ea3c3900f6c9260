"""Where credentials come from: the API, files, standard input. Each yields resources page by page."""

from northflank_audit.sources.api import ApiSource
from northflank_audit.sources.files import InputSource
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot import SnapshotWriter

__all__ = ["ApiSource", "InputSource", "SnapshotWriter", "Source"]
