"""The evidence of a period, for auditors."""

import datetime as dt
from typing import Final

from northflank_audit.controls import ControlVerdict
from northflank_audit.history.lives import Life
from northflank_audit.history.runs import AccountRow, RunRow
from northflank_audit.model import Struct
from northflank_audit.remarks import Waiver
from northflank_audit.report import RuleSummary, Subject

DAILY: Final = dt.timedelta(days=1)
LIMITS: Final = (
    (
        "It shows what the audits saw through the API. What the API does not show, such as multi-factor "
        "authentication, single sign-on, session settings, network policies and audit events, is not in it."
    ),
    "A violation that arose and was fixed between two runs is not in it.",
    "A control that is met here is met as far as the rules under it look; other evidence may be needed for it.",
    "Where a run is incomplete, none took place, or it was deleted (history prune), nothing is known of that time.",
    (
        "Whoever can write to the history's database can change it. Sign the manifest when the pack is made, so that "
        "later changes show: cosign sign-blob manifest.json."
    ),
)
"""What the pack does not prove, for a person."""


class RunEvidence(Struct, frozen=True, kw_only=True):
    """A run of the period."""

    run: RunRow
    subjects: list[Subject]
    """The SHA-256 of what was evaluated."""
    rules: str
    """The SHA-256 of the rules in that run."""
    not_in_scope: list[str]
    """Types that were not requested because the accounts do not have them."""


class Gap(Struct, frozen=True, kw_only=True):
    """A time of the period without a complete run, longer than expected."""

    account: AccountRow
    begin: dt.datetime
    end: dt.datetime
    why: str


class ControlPeriod(Struct, frozen=True, kw_only=True):
    """The verdict on a control from one run to another."""

    account: str
    """The accounts that the runs audited together."""
    framework: str
    title: str
    """The framework's."""
    control: str
    verdict: ControlVerdict
    rules: list[str]
    """The ids of the rules under it."""
    begin: dt.datetime
    """The start of the first run with this verdict."""
    end: dt.datetime
    """The start of the last run with it."""
    runs: int
    last: bool
    """Whether it is the verdict of the last run of the period."""


class FindingEvidence(Struct, frozen=True, kw_only=True):
    """A time in which a violation was open, limited to the period."""

    life: Life
    found: dt.datetime
    resolved: dt.datetime | None
    """The start of the run that saw it resolved; None: open at the end of the period."""
    became: str | None
    waived: bool
    """Whether a waiver covered it at the end of that time."""


class WaiverEvidence(Struct, frozen=True, kw_only=True):
    """A waiver that was in force in the period."""

    waiver: Waiver
    first: dt.datetime
    """The start of the first run of the period that used it."""
    last: dt.datetime
    findings: int
    """How many findings it covered."""


class RuleEvidence(Struct, frozen=True, kw_only=True):
    """A rule as it was from one run to another."""

    rule: RuleSummary
    begin: dt.datetime
    end: dt.datetime


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything of a period."""

    begin: dt.date
    end: dt.date
    """Both inclusive, UTC."""
    made_at: dt.datetime
    version: str
    """Of the tool that made the pack."""
    accounts: list[AccountRow]
    runs: list[RunEvidence]
    gaps: list[Gap]
    controls: list[ControlPeriod]
    findings: list[FindingEvidence]
    waivers: list[WaiverEvidence]
    rules: list[RuleEvidence]
    limits: list[str]
    every: float
    """Seconds in which a run was expected."""
