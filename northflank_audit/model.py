"""The core types: plain, frozen data that passes from stage to stage.

The terms are those of XCCDF 1.2 (rule, result, status, severity) and of the JSON report.
"""

import datetime as dt
import hashlib
from enum import StrEnum
from typing import Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from northflank_audit.parameters import ParameterSchema, unset
from northflank_audit.printable import blank
from northflank_audit.remarks import Annotation, Waiver
from northflank_audit.resolution import Became

RESOURCE_TYPE: Final = "registry-credential"
"""The type that is meant where a rule, an input or an earlier report names none."""
ACCOUNT_TYPE: Final = "account"
"""The type of an account as a whole, which has no list and is counted apart."""
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2999
"""Times of runs outside of these are mistakes, and those at the ends of the calendar have no UTC."""


class Severity(StrEnum):
    """How bad a violation is; `rank` is 0 for the least."""

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
"""What people call the account that belongs to no team."""
LIST: Final = "list"
"""The part of a record that its list gives."""
DETAIL: Final = "detail"
"""The part of a record that its own endpoint gives."""


class Resource(Struct, frozen=True, kw_only=True):
    """A resource as the API gave it, less its secrets; or an account, whose record is empty."""

    type: str = RESOURCE_TYPE
    """A name of the catalogue."""
    id: str
    """If empty, the resource stands for a whole list that could not be read."""
    name: str | None
    team: str | None
    """The team's id; None is the token's own account."""
    project: str | None = None
    """The project's id, of a resource of a project."""
    record: dict[str, Any]
    """The API's own fields; a field the API did not give is not in it."""
    parts: frozenset[str] = frozenset({LIST})
    """The names of the parts that `record` is put together from."""
    shortfall: str | None = None
    """Why a part is missing from `record`, as a message."""
    omitted_fields: frozenset[str] = frozenset()
    """The paths of personal fields that a rule reads and that were dropped when the resource was fetched."""

    @property
    def identity(self) -> Identity:
        """Its type, team, project and id, which no other resource has together."""
        return (self.type, self.team, self.project, self.id)

    @property
    def detailed(self) -> bool:
        """Whether `record` also holds what the resource's own endpoint returns."""
        return DETAIL in self.parts


def account_name(team: str | None) -> str:
    """Return what people call a team's account, or (None) the token's own."""
    return OWN_ACCOUNT if team is None else f"team {team}"


def checked_time(time: dt.datetime) -> None:
    """Raise ValueError for a time without a zone, or so far away that calculating with it may fail."""
    if time.tzinfo is None:
        raise ValueError(f"the time {time.isoformat()} has no time zone")
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(f"the time {time.isoformat()} is not between the years {FIRST_YEAR} and {LAST_YEAR}")


class Account(Struct, frozen=True, kw_only=True):
    """The token's own account or a team's, with the facts that account-scoped rules need."""

    team: str | None
    """The team's id; None is the token's own account."""
    projects: list[str] = []
    """The ids of its projects; empty if they are unknown."""
    unknown: dict[str, str] = {}
    """Why a list of it is not known as a whole, by the type's name, for a person."""
    out_of_scope: dict[str, str] = {}
    """Why a type does not exist in it, by the type's name, for a person."""
    partial: bool = False
    """Whether only what the token or its organisation has was asked for, and none of the account's own lists."""

    def __str__(self) -> str:
        """Name the account in messages about what it holds."""
        return "the account" if self.team is None else f"team {self.team}"

    @property
    def resource(self) -> Resource:
        """The account as a resource that rules evaluate."""
        return Resource(id=self.team or ACCOUNT_TYPE, name=None, team=self.team, record={}, type=ACCOUNT_TYPE)


class ExampleEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule's own test as a file writes it: a record, and the verdict it must get."""

    expect: Status
    given: dict[str, Any] = {}
    name: str = ""
    params: dict[str, Any] = {}
    """Parameters for this example alone, over the rule's defaults."""
    now: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    detailed: bool = True
    """Whether the record counts as read from the detail endpoint."""
    resources: list[dict[str, Any]] | None = None
    """All records of the rule's type in the account; `given` counts among them. None: they are not known."""
    account: dict[str, list[dict[str, Any]]] | None = None
    """The records of the account by the names of their lists: `{addons: [...]}`. Other lists are not known."""
    projects: list[str] | None = None
    """The ids of the account's projects. None: they are not known."""
    message: str | None = None
    """What the result must say, if that matters."""


class Example(ExampleEntry, frozen=True, kw_only=True):
    """A rule's own test, and the `file:line` where it stands."""

    origin: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """A validated rule: its expressions compile and its parameters are set."""

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
    """Parameters without a value of which the rule does not run."""
    resource: str = RESOURCE_TYPE
    finding: str = ""
    """What is wrong if the rule is violated; if empty, the title is used."""
    param_schemas: dict[str, ParameterSchema] = {}
    """What describes its parameters, of those that are described."""
    sha256: str = ""
    """Of the file that defines it: 64 hexadecimal digits."""
    overridden: dict[str, str] = msgspec.field(default_factory=dict, name="tuned")
    """The overrides in effect: `severity` or `params.NAME`, each with the `file:line` that sets it."""

    @property
    def unset(self) -> list[str]:
        """The required parameters that are empty: while there is one, the rule is not configured."""
        return unset(self.requires, self.params)


class ResourceName(Struct, frozen=True):
    """A resource as results name it."""

    type: str
    id: str | None
    """None if the name stands for a whole list that could not be read."""
    name: str | None
    team: str | None
    project: str | None = None
    url: str | UnsetType = UNSET
    """Its page in the console, where that is known."""

    @property
    def identity(self) -> Identity:
        """Its type, team, project and id, which no other resource has together."""
        return (self.type, self.team, self.project, self.id or "")

    @property
    def title(self) -> str | None:
        """The name, where it says more than the id: there is one, it is to be seen, and it is not the id."""
        return None if self.name in (None, self.id) or blank(self.name or "") else self.name

    @classmethod
    def of(cls, resource: Resource) -> Self:
        """Name a resource."""
        return cls(resource.type, resource.id or None, resource.name, resource.team, resource.project)


class Result(Struct, frozen=True, kw_only=True):
    """One rule's verdict on one resource, with what a reader needs to act on it."""

    rule_id: str
    severity: Severity
    status: Status
    state: Literal["new", "ongoing", "reopened"] | UnsetType = UNSET
    """Of a violation, waived or not, in a report that was compared with an earlier one or with the history."""
    unwaived: bool | UnsetType = UNSET
    """True of an ongoing violation that was waived in the earlier report and no longer is."""
    became: Became | UnsetType = UNSET
    """Of a violation that only the earlier report has."""
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
    """Why it is unknown or an error; equal for equal causes, whatever the resource is called."""
    first_seen: dt.datetime | UnsetType = UNSET
    """Of a violation, with the history: the start of the first run that found it."""
    open_since: dt.datetime | UnsetType = UNSET
    """With the history: the start of the run that found it, found it again, or no longer found it waived."""
    last_seen: dt.datetime | UnsetType = UNSET
    """With the history: the start of the last run that found it violated."""

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations: reports are read again."""
        for time in (self.first_seen, self.open_since, self.last_seen):
            if time is not UNSET:
                checked_time(time)

    @property
    def inconclusive(self) -> bool:
        """Whether the verdict could not be given."""
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
