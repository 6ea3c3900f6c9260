"""The core types: plain, frozen data that stages exchange.

The terms are those of XCCDF 1.2 (rule, result, status, severity) and of the JSON report.
"""

import datetime as dt
import hashlib
from enum import StrEnum
from typing import Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from northflank_audit.parameters import ParameterSchema, unset
from northflank_audit.periods import checked_time
from northflank_audit.printable import blank
from northflank_audit.remarks import Annotation, Waiver
from northflank_audit.resolution import Became

RESOURCE_TYPE: Final = "registry-credential"
"""The type if a rule, an input or an earlier report names none."""
ACCOUNT_TYPE: Final = "account"
"""The type of an account as a whole, which has no list and is counted separately."""


class Severity(StrEnum):
    """How bad a violation is; `rank` is 0 for the lowest."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return 0 for `info` up to 4 for `critical`."""
        return _RANKS[self]


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}


class Status(StrEnum):
    """The verdict of one rule on one resource."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    ERROR = "error"
    NOTAPPLICABLE = "notapplicable"


class Struct(msgspec.Struct, frozen=True, rename="camel"):
    """A frozen struct whose JSON names are in camel case."""


Identity = tuple[str, str | None, str | None, str]
"""The identity of a resource: its type, team, project and id."""
OWN_ACCOUNT: Final = "the token's own account"
"""The name, for people, of the account without a team."""
LIST: Final = "list"
"""The part of a record that its list gives."""
DETAIL: Final = "detail"
"""The part of a record that its own endpoint gives."""


class Resource(Struct, frozen=True, kw_only=True):
    """A resource from the API, without its secrets; or an account, whose record is empty."""

    type: str = RESOURCE_TYPE
    """A type's name in the catalogue."""
    id: str
    """If empty, the resource stands for a whole list that could not be read."""
    name: str | None
    team: str | None
    """The team's id; None is the token's own account."""
    project: str | None = None
    """The project's id, if the resource belongs to a project."""
    record: dict[str, Any]
    """The API's own fields, without those that the API did not give."""
    parts: frozenset[str] = frozenset({LIST})
    """The names of the parts in `record`."""
    shortfall: str | None = None
    """Why a part is missing from `record`, as a message."""
    omitted_fields: frozenset[str] = frozenset()
    """The paths of personal fields that a rule reads and that were dropped when the resource was fetched."""

    @property
    def identity(self) -> Identity:
        """Its type, team, project and id, which together are unique."""
        return (self.type, self.team, self.project, self.id)

    @property
    def detailed(self) -> bool:
        """Whether `record` also holds what the resource's own endpoint returns."""
        return DETAIL in self.parts


def account_name(team: str | None) -> str:
    """Return the name of a team's account, or (None) the token's own, for people."""
    return OWN_ACCOUNT if team is None else f"team {team}"


class Account(Struct, frozen=True, kw_only=True):
    """The token's own account or a team's, with the facts that account-scoped rules need."""

    team: str | None
    """The team's id; None is the token's own account."""
    projects: list[str] = []
    """The ids of its projects; empty if they are unknown."""
    unknown: dict[str, str] = {}
    """Why a list is not completely known, by the type's name, for a person."""
    out_of_scope: dict[str, str] = {}
    """Why a type does not exist in it, by the type's name, for a person."""
    partial: bool = False
    """Whether only types of the token or its organisation were requested, and none of the account's own lists."""

    def __str__(self) -> str:
        """Return the account's name in messages about its contents."""
        return "the account" if self.team is None else f"team {self.team}"

    @property
    def resource(self) -> Resource:
        """The account as a resource that rules evaluate."""
        return Resource(id=self.team or ACCOUNT_TYPE, name=None, team=self.team, record={}, type=ACCOUNT_TYPE)


class ExampleEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule's own test as in a file: a record, and the verdict that it must get."""

    expect: Status
    given: dict[str, Any] = {}
    name: str = ""
    params: dict[str, Any] = {}
    """Parameters for this example alone, over the rule's defaults."""
    now: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    detailed: bool = True
    """Whether the record counts as read from the detail endpoint."""
    resources: list[dict[str, Any]] | None = None
    """All records of the rule's type in the account, including `given`. None: unknown."""
    account: dict[str, list[dict[str, Any]]] | None = None
    """The records of the account by the names of their lists: `{addons: [...]}`. Other lists are unknown."""
    projects: list[str] | None = None
    """The ids of the account's projects. None: unknown."""
    message: str | None = None
    """The message that the result must have, if that matters."""


class Example(ExampleEntry, frozen=True, kw_only=True):
    """A rule's own test, and its `file:line`."""

    origin: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """A validated rule: its expressions compile and its parameters have values."""

    id: str
    title: str
    severity: Severity
    require: str
    when: str | None
    params: dict[str, Any]
    message: str
    rationale: str
    remediation: str
    references: list[str]
    controls: dict[str, list[str]]
    tests: list[Example]
    origin: str
    """`file:line` of its definition."""
    requires: list[str] = []
    """Parameters without which the rule does not run."""
    resource: str = RESOURCE_TYPE
    finding: str = ""
    """What is wrong if the rule is violated; if empty, the title is used."""
    param_schemas: dict[str, ParameterSchema] = {}
    """The schemas of its described parameters."""
    sha256: str = ""
    """SHA-256 of the file that defines it: 64 hexadecimal digits."""
    overridden: dict[str, str] = msgspec.field(default_factory=dict, name="tuned")
    """The overrides in effect: `severity` or `params.NAME`, each with the `file:line` that sets it."""

    @property
    def unset(self) -> list[str]:
        """The required parameters that are empty; if there is one, the rule is not configured."""
        return unset(self.requires, self.params)


class ResourceName(Struct, frozen=True):
    """A resource as results name it."""

    type: str
    id: str | None
    """None for a whole list that could not be read."""
    name: str | None
    team: str | None
    project: str | None = None
    url: str | UnsetType = UNSET
    """Its page in the console, if known."""

    @property
    def identity(self) -> Identity:
        """Its type, team, project and id, which together are unique."""
        return (self.type, self.team, self.project, self.id or "")

    @property
    def title(self) -> str | None:
        """The name, if it is visible and differs from the id."""
        return None if self.name in (None, self.id) or blank(self.name or "") else self.name

    @classmethod
    def of(cls, resource: Resource) -> Self:
        """Return the name of a resource."""
        return cls(resource.type, resource.id or None, resource.name, resource.team, resource.project)


class Result(Struct, frozen=True, kw_only=True):
    """One rule's verdict on one resource, with what a reader needs to act on it."""

    rule_id: str
    severity: Severity
    status: Status
    state: Literal["new", "ongoing", "reopened"] | UnsetType = UNSET
    """For a violation, waived or not, in a report that was compared with an earlier one or the history."""
    unwaived: bool | UnsetType = UNSET
    """True for an ongoing violation that was waived in the earlier report and no longer is."""
    became: Became | UnsetType = UNSET
    """For a violation that only the earlier report has."""
    resource: ResourceName
    message: str
    evidence: dict[str, Any]
    """The fields that the expression read, by their path below the record, and their values; and how many records and
    projects it saw, if it read them."""
    waiver: Waiver | None
    annotation: Annotation | UnsetType = UNSET
    overdue: bool | UnsetType = UNSET
    """True if its annotation says that it should have been fixed before the run."""
    fingerprint: str
    reason: str | UnsetType = UNSET
    """Why it is unknown or an error; equal for equal causes, without the resource's name."""
    first_seen: dt.datetime | UnsetType = UNSET
    """For a violation, with the history: the start of the first run that found it."""
    open_since: dt.datetime | UnsetType = UNSET
    """With the history: the start of the run that found it, found it again, or no longer found it waived."""
    last_seen: dt.datetime | UnsetType = UNSET
    """With the history: the start of the last run that found it violated."""

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations, since reports are read from files."""
        for time in (self.first_seen, self.open_since, self.last_seen):
            if time is not UNSET:
                checked_time(time)

    @property
    def inconclusive(self) -> bool:
        """Whether it is unknown or an error."""
        return self.status in (Status.UNKNOWN, Status.ERROR)

    @property
    def is_new(self) -> bool:
        """Whether it was not open before: new, or found again."""
        return self.state in ("new", "reopened")

    @property
    def violates(self) -> bool:
        """Whether it counts towards exit code 1, severity aside."""
        return self.status is Status.FAIL and self.waiver is None

    @property
    def is_called_incorrect(self) -> bool:
        """Whether someone says that the tool is wrong about it."""
        return self.annotation is not UNSET and self.annotation.incorrect

    @property
    def order(self) -> tuple[int, str, str, str, str, str]:
        """The report's order: severity, then rule, type, team, project and resource."""
        kind, team, project, identity = self.resource.identity
        return (-self.severity.rank, self.rule_id, kind, team or "", project or "", identity)


def fingerprint(rule_id: str, identity: Identity) -> str:
    """Return the fingerprint of a finding, the same in every run: 32 hexadecimal digits."""
    kind, team, project, resource_id = identity
    parts = [rule_id, kind, team, resource_id, *([] if project is None else [project])]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


def whose(team: str | None, project: str | None) -> str:
    """Return the owner for messages: ` of project shop of team payments`."""
    return ("" if project is None else f" of project {project}") + ("" if team is None else f" of team {team}")
