"""Where a finding is, for formats that must name a file and a line: at its rule.

A credential is no file. The rule is the text that says what is wrong and, where rules are kept in a repository, the
one line in it that has to do with the finding.
"""

from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import quote

from northflank_audit.printable import printable
from northflank_audit.report import Report


class Place(NamedTuple):
    """A line of a file."""

    path: str
    """With slashes; relative to where the audit ran, unless the file was named otherwise."""
    line: int
    """From 1."""

    @property
    def uri(self) -> str:
        """The path as a URI reference (RFC 3986); an absolute one with the scheme `file`."""
        absolute = PurePath(self.path).is_absolute()
        # On Windows an absolute path has no slash before its drive.
        return ("file:///" if absolute else "") + quote(self.path.lstrip("/") if absolute else self.path)


class Places:
    """The places of a report's rules."""

    def __init__(self, report: Report) -> None:
        self._places = {rule.id: _place(rule.origin) for rule in report.rules}
        files = [place.path for place in self._places.values()]
        self.audit = Place(files[0] if files else "rules", 1)
        """The place of what is about the audit as a whole: there, too, must be one."""

    def of(self, rule_id: str) -> Place:
        """Return a rule's place; for one that did not run, the audit's."""
        return self._places.get(rule_id, self.audit)


def _place(origin: str) -> Place:
    path, _, line = origin.rpartition(":")
    return Place(PurePath(printable(path)).as_posix(), int(line))
