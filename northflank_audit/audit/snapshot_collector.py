"""Collects what an audit fetched, for a snapshot."""

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Self

from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.tool import TOOL
from northflank_audit.delivery import files
from northflank_audit.errors import DeliveryError
from northflank_audit.model import Resource
from northflank_audit.printable import spelt
from northflank_audit.reading import is_folder
from northflank_audit.report import Subject
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot_writer import SnapshotWriter


class SnapshotCollector:
    """Collects resources if the request asks for a snapshot or its digest; otherwise it does nothing."""

    def __init__(self, request: AuditRequest) -> None:
        self._path = request.snapshot
        self._problem = ""
        self._writer: SnapshotWriter | None = None
        if request.snapshot or request.digested:
            folder = Path(request.snapshot or "").parent
            self._writer = SnapshotWriter(str(folder) if request.snapshot and is_folder(folder) else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Delete what was collected; what was saved stays."""
        if self._writer is not None:
            self._writer.close()

    @property
    def wanted(self) -> bool:
        """Whether a snapshot is made."""
        return self._writer is not None

    def add(self, resources: Iterable[Resource]) -> None:
        """Take resources in the form in which they were evaluated."""
        if self._writer is None or self._problem:
            return
        try:
            self._writer.add(resources)
        except OSError as error:
            self._problem = str(files.NotWritten(self._path or "a temporary file", error))

    def keep(self, source: Source, now: dt.datetime) -> tuple[list[Subject], list[str]]:
        """Save the snapshot if requested; return the subjects of the audit, and why saving failed."""
        if self._writer is None:
            return source.subjects, []
        if self._problem:
            return source.subjects, [self._problem]
        text = partial(self._writer.text, TOOL, source.as_of or now, source)
        problems = []
        try:
            if self._path is not None:
                files.write(self._path, files.Chunks(text))
        except DeliveryError as error:
            problems.append(str(error))
        return source.subjects or [self._subject(text(), saved=self._path is not None and not problems)], problems

    def _subject(self, text: Iterator[bytes], *, saved: bool) -> Subject:
        digest = sha256()
        for chunk in text:
            digest.update(chunk)
        return Subject(name=spelt(Path(self._path or "snapshot.json").name), sha256=digest.hexdigest(), saved=saved)
