"""Collects what an audit fetched, for a snapshot."""

import datetime as dt
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.tool import TOOL
from northflank_audit.delivery import files
from northflank_audit.errors import DeliveryError
from northflank_audit.model import Resource
from northflank_audit.printable import spelt
from northflank_audit.report import Subject
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot import SnapshotWriter


class SnapshotCollector:
    """Collects resources if the request asks for a snapshot or its digest; otherwise it does nothing."""

    def __init__(self, request: AuditRequest) -> None:
        self._path = request.snapshot
        self._writer = SnapshotWriter() if request.snapshot or request.digested else None

    @property
    def wanted(self) -> bool:
        """Whether a snapshot is made."""
        return self._writer is not None

    def add(self, resources: Iterable[Resource]) -> None:
        """Take resources in the form in which they were evaluated."""
        if self._writer is not None:
            self._writer.add(list(resources))

    def keep(self, source: Source, now: dt.datetime) -> tuple[list[Subject], list[str]]:
        """Save the snapshot if requested; return the subjects of the audit, and why saving failed."""
        if self._writer is None:
            return source.subjects, []
        problems = []
        text = self._writer.text(TOOL, source.as_of or now, source)
        try:
            if self._path is not None:
                files.write(self._path, text)
        except DeliveryError as error:
            problems.append(str(error))
        saved = self._path is not None and not problems
        name = spelt(Path(self._path or "snapshot.json").name)
        return source.subjects or [Subject(name=name, sha256=sha256(text.encode()).hexdigest(), saved=saved)], problems
