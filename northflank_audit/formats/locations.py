"""Locations of findings, for formats that must name a file.

A resource is not in a file. For formats that need a file and a line, the location of a finding is its rule, the only
line in a repository that concerns it. For formats that distinguish findings by location, each resource has a path of
its own, which is not a file.
"""

from hashlib import sha256
from pathlib import PurePath
from typing import Final, NamedTuple
from urllib.parse import quote

from msgspec import UNSET

from northflank_audit.formats.text import type_names
from northflank_audit.model import ACCOUNT_TYPE, ResourceName
from northflank_audit.printable import printable
from northflank_audit.report import Report

_ROOT: Final = "northflank"
_LONGEST: Final = 200
"""Characters of an id in a path; a longer one is cut, followed by the digest of the whole id."""


class SourceLocation(NamedTuple):
    """A line of a file."""

    path: str
    """With slashes; relative to the working folder, unless the file was named otherwise."""
    line: int
    """From 1."""

    @property
    def uri(self) -> str:
        """The path as a URI reference (RFC 3986); an absolute one with the scheme `file`."""
        absolute = PurePath(self.path).is_absolute()
        # On Windows an absolute path has no slash before its drive.
        return ("file:///" if absolute else "") + quote(self.path.lstrip("/") if absolute else self.path)


class RuleLocations:
    """The locations of a report's rules."""

    def __init__(self, report: Report) -> None:
        self._locations = {rule.id: _place(rule.origin) for rule in report.rules}
        files = [location.path for location in self._locations.values()]
        self.audit = SourceLocation(files[0] if files else "rules", 1)
        """The location of findings about the audit as a whole."""

    def of(self, rule_id: str) -> SourceLocation:
        """Return a rule's location; for a rule that did not run, the audit's."""
        return self._locations.get(rule_id, self.audit)


def _place(origin: str) -> SourceLocation:
    path, _, line = origin.rpartition(":")
    return SourceLocation(PurePath(printable(path)).as_posix(), int(line))


def resource_uri(name: ResourceName) -> str:
    """Return a resource's own path: `northflank/teams/payments/projects/shop/addons/db`, percent-encoded."""
    account = f"{_ROOT}/{_account(name.team)}"
    if name.type == ACCOUNT_TYPE:
        return account
    below = f"{account}/projects/{_segment(name.project)}" if name.project else account
    listed = f"{below}/{_segment(type_names(name.type).collection)}"
    return f"{listed}/{_segment(name.id)}" if name.id else listed


def scope_path(report: Report) -> str:
    """Return what distinguishes scheduled audits: `account`, `all-teams`, `teams/payments`, `demo/account`.

    The order of the teams does not matter, and no two sets of them have the same path.
    """
    source = report.run.source
    account = "all-teams" if source.all_teams is not UNSET and source.all_teams else _account(*sorted({*source.teams}))
    return account if source.kind == "api" else f"{source.kind}/{account}"


def _account(*teams: str | None) -> str:
    named = "+".join(_segment(team) for team in teams if team is not None)
    if not named:
        return "account"
    return f"teams/{named}" if len(named) <= 2 * _LONGEST else f"teams/{_digest(named)}"


def _segment(text: str) -> str:
    """Return text as one segment of a URI's path (RFC 3986). Dots are escaped if alone, or they would be a step up."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}~{_digest(text)}"
    quoted = quote(short.encode(errors="surrogatepass"), safe="")
    return quoted.replace(".", "%252E") if not short.strip(".") else quoted


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
