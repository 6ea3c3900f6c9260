"""The report: the whole outcome of an audit, as frozen data.

Every format is a function of it.

The terms are those of XCCDF 1.2 (rule, result, status, severity); the JSON report is this, encoded.
"""

import datetime as dt
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from northflank_audit.controls import Framework
from northflank_audit.gate import Gate
from northflank_audit.model import ACCOUNT_TYPE, RESOURCE_TYPE, Result, Severity, Struct
from northflank_audit.parameters import ParameterSchema, to_set
from northflank_audit.periods import checked_time
from northflank_audit.remarks import Annotations, Waiver
from northflank_audit.trend import TrendPoint

SCHEMA_VERSION: Final = "1.0"
"""The version of the JSON report. The first number changes if a field is removed or changes its meaning."""


class Tool(Struct, frozen=True):
    """The program that made the report."""

    name: str
    version: str


class Origin(Struct, frozen=True, kw_only=True):
    """Where the audited data came from."""

    kind: Literal["api", "demo", "input"]
    url: str | None = None
    files: list[str] | UnsetType = UNSET
    teams: list[str] = msgspec.field(default_factory=list)
    all_teams: bool | UnsetType = UNSET
    """True if every team of the organisation was requested."""
    projects: list[str] | UnsetType = UNSET
    """The ids of the projects that were audited, where only some were asked for."""
    taken_at: dt.datetime | UnsetType = UNSET
    """When the snapshot was taken, if the resources come from one."""

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations, as reports and snapshots are read from files."""
        if self.taken_at is not UNSET:
            checked_time(self.taken_at)


class Run(Struct, frozen=True, kw_only=True):
    """When and on what the audit ran, and whether it saw everything."""

    id: str
    started_at: dt.datetime
    finished_at: dt.datetime
    source: Origin
    complete: bool
    incomplete_reasons: list[str]
    undelivered: list[str] = msgspec.field(default_factory=list)
    """The reasons that are about failed deliveries, not about missing evidence."""

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations, since reports are read from files."""
        checked_time(self.started_at)
        checked_time(self.finished_at)

    @property
    def has_gaps(self) -> bool:
        """Whether the run failed to see or evaluate something."""
        return not self.complete and (not self.undelivered or len(self.incomplete_reasons) > len(self.undelivered))


class TypeCoverage(Struct, frozen=True, kw_only=True):
    """The coverage of one resource type."""

    type: str
    """A name of the catalogue."""
    resources: int = 0
    """Records evaluated."""
    details: int = 0
    """Answers about a single resource that were used: details and lists of children."""
    requests: int = 0
    """Requests sent for it, every attempt included."""
    complete: bool = True
    """Whether every requested list and part of it could be read."""
    missing: list[str] = msgspec.field(default_factory=list)
    """Why it is incomplete, for a person."""
    in_scope: bool = True
    """Whether it exists in one of the accounts; otherwise it was not requested, which does not affect the audit."""
    scope: str = ""
    """Why it is not in scope, for a person."""
    silent: list[str] = msgspec.field(default_factory=list)
    """Paths of documented fields that were read and that no record had."""


class Coverage(Struct, frozen=True, kw_only=True):
    """What was requested and what was read."""

    requests: int = 0
    """Requests sent, including details and every attempt."""
    retries: int = 0
    pages: int = 0
    """List answers that were used."""
    count: int | None = 0
    """The sum of the counts in those answers; None if one has none."""
    resources: int = 0
    """Resources evaluated, of all types; accounts are counted separately."""
    accounts: int | UnsetType = UNSET
    """Accounts evaluated, if a rule about accounts ran."""
    details: int = 0
    """Detail answers that were used."""
    results: int = 0
    """Verdicts given: one for each rule and resource."""
    types: list[TypeCoverage] = msgspec.field(default_factory=list)
    """The same by type, in the catalogue's order, for the types that rules are about or read."""
    not_visible: list[str] = msgspec.field(default_factory=list)
    """What the API does not show about the account, so that no audit can evaluate it, for a person."""

    def of(self, kind: str) -> TypeCoverage | None:
        """Return the coverage of a type; None if it was not requested."""
        return next((each for each in self.types if each.type == kind), None)


class Summary(Struct, frozen=True, rename={"fail_by_severity": "failBySeverity", "passed": "pass"}, kw_only=True):
    """Number of verdicts of each kind; `fail` excludes waived ones."""

    passed: int
    fail: int
    unknown: int
    error: int
    notapplicable: int
    waived: int
    fail_by_severity: dict[str, int]

    @property
    def inconclusive(self) -> bool:
        """Whether there are verdicts, but none of them is a pass or a fail."""
        return not self.passed + self.fail + self.waived and self.unknown + self.error + self.notapplicable > 0


class RuleSummary(Struct, frozen=True, kw_only=True):
    """A rule that ran, with its counts of verdicts."""

    id: str
    title: str
    severity: Severity
    rationale: str
    remediation: str
    references: list[str]
    controls: dict[str, list[str]]
    params: dict[str, Any]
    origin: str
    counts: dict[str, int]
    resource: str = RESOURCE_TYPE
    finding: str = ""
    param_schemas: dict[str, ParameterSchema] = msgspec.field(default_factory=dict)
    """Like those of `Rule`."""
    sha256: str = ""
    overridden: dict[str, str] = msgspec.field(default_factory=dict, name="tuned")
    """Like those of `Rule`."""

    @property
    def heading(self) -> str:
        """The heading of its violations: its finding, else its title."""
        return self.finding or self.title


class NotConfigured(Struct, frozen=True, kw_only=True):
    """A rule that did not run because a required parameter is empty."""

    id: str
    title: str
    severity: Severity
    resource: str = RESOURCE_TYPE
    controls: dict[str, list[str]]
    requires: list[str]
    """The names of the parameters to set."""
    param_schemas: dict[str, ParameterSchema] = msgspec.field(default_factory=dict)
    """The descriptions of these parameters."""

    @property
    def why(self) -> str:
        """What to do: `set params.allowed`."""
        return to_set(self.requires)


class Waivers(Struct, frozen=True):
    """Waivers that waived nothing."""

    expired: list[Waiver]
    unused: list[Waiver]


class Subject(Struct, frozen=True, kw_only=True):
    """What was evaluated, as a file that can be kept beside the report."""

    name: str
    """The file's name; `snapshot.json` for a snapshot that was not saved."""
    sha256: str
    """SHA-256 of the file's bytes: 64 hexadecimal digits."""
    saved: bool = True
    """Whether the file exists."""


class BaselineRun(Struct, frozen=True, kw_only=True):
    """The report that this one was compared with."""

    id: str
    """The id of its run."""
    finished_at: dt.datetime
    complete: bool
    """Whether its audit saw everything, delivered or not."""
    source: Origin


class Comparison(Struct, frozen=True, kw_only=True):
    """How this report compares with an earlier one."""

    baseline: BaselineRun = msgspec.field(name="earlier")
    refused: str | None = None
    """Why nothing was compared, for a person: the earlier report is about something else."""
    cautions: list[str] = msgspec.field(default_factory=list)
    """Why to read new and resolved violations with care, for a person."""
    new: int = 0
    """Violations, not waived, that the earlier report lacks."""
    ongoing: int = 0
    """Violations, not waived, that it also has."""
    resolved: int = 0
    """Violations of the earlier report, waived or not, that are resolved."""
    unsettled: int = 0
    """Violations of the earlier report, waived or not, whose state is now unknown."""
    waived: int = 0
    """Violations that have been waived since."""
    unwaived: int = 0
    """Violations in `ongoing` that were waived."""


class Report(Struct, frozen=True, kw_only=True):
    """The whole outcome. Every format is a function of it."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    tool: Tool
    run: Run
    coverage: Coverage
    summary: Summary
    rules: list[RuleSummary]
    excluded_rules: dict[str, str] = msgspec.field(default_factory=dict, name="leftOut")
    """Rules that did not run, each with what excludes it: a `file:line` or an option."""
    not_configured: list[NotConfigured] = msgspec.field(default_factory=list)
    """Selected rules that did not run because a required parameter is empty."""
    compliance: list[Framework]
    results: list[Result]
    comparison: Comparison | UnsetType = UNSET
    """The comparison with an earlier report, if any; then there are also `resolved` and `unsettled`."""
    resolved: list[Result] | UnsetType = UNSET
    """Violations of the earlier report that are resolved; each has its `became`."""
    unsettled: list[Result] | UnsetType = UNSET
    """Violations of the earlier report whose state is now unknown; each has its `became`."""
    trend: list[TrendPoint] | UnsetType = UNSET
    """With the history: this run and those before it over the same accounts, the oldest first."""
    subjects: list[Subject] | UnsetType = UNSET
    """What was evaluated: the files of `--input`, or a snapshot of what was fetched, if there is one."""
    waivers: Waivers
    annotations: Annotations | UnsetType = UNSET
    """What the annotations amount to, if there is a file of them."""
    warnings: list[str]
    exit_code: int
    gate: Gate = msgspec.field(default_factory=Gate)
    """The options that determined the exit code."""

    @property
    def resolved_results(self) -> list[Result]:
        """The resolved results; empty if nothing was compared."""
        return [] if self.resolved is UNSET else self.resolved

    @property
    def unsettled_results(self) -> list[Result]:
        """The unsettled results; empty if nothing was compared."""
        return [] if self.unsettled is UNSET else self.unsettled

    @property
    def resource_counts(self) -> dict[str, int]:
        """Number of evaluated resources of each type, in the catalogue's order, accounts last."""
        about = dict.fromkeys(rule.resource for rule in self.rules if rule.resource != ACCOUNT_TYPE)
        if self.coverage.types:
            counts = {each.type: each.resources for each in self.coverage.types if each.type in about}
        else:  # a report of an earlier version, about one type
            counts = {next(iter(about), RESOURCE_TYPE): self.coverage.resources}
        return counts | ({ACCOUNT_TYPE: self.coverage.accounts} if self.coverage.accounts else {})

    @property
    def saw_nothing(self) -> bool:
        """Whether no resource and no account was seen."""
        return not self.coverage.resources and not (self.coverage.accounts or 0)
