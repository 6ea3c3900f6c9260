"""What to audit and how, independent of the command line."""

from typing import Literal

import msgspec

from northflank_audit.audit.comparison import RunComparison
from northflank_audit.config.policy import Policy
from northflank_audit.config.settings import DEFAULTS, Settings
from northflank_audit.gate import Gate
from northflank_audit.model import Status


class AuditRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The policy, how much to read, what to list, and what fails the audit."""

    policy: Policy
    details: Literal["auto", "always", "never"] = DEFAULTS["details"]
    absent: Literal["unknown", "notapplicable", "violating"] = DEFAULTS["absent"]
    """What it means if the API omits a documented field that a rule reads."""
    include: frozenset[Status] = frozenset()
    """Further results to list: `pass`, `notapplicable`."""
    projects: tuple[str, ...] = ()
    """The ids of the projects to audit; empty: all, and what is in none."""
    framework: str | None = None
    """The framework whose controls the report shows; None: all."""
    gate: Gate = Gate()
    """What makes the exit code 1."""
    console_url: str = ""
    """The address of the console that results link to; empty, they link nowhere."""
    show_personal_data: bool = False
    """Whether results show e-mail addresses and names of people."""
    snapshot: str | None = None
    """Where to save what was fetched."""
    digested: tuple[str, ...] = ()
    """The formats that need the digest of what was fetched, saved or not."""

    history: RunComparison | None = None
    """What to compare with in place of the policy's baseline."""

    @classmethod
    def of(cls, settings: Settings, policy: Policy, history: RunComparison | None = None) -> "AuditRequest":
        """Select from a run's settings what the audit itself needs."""
        return cls(
            policy=policy,
            history=history,
            details=settings.details,
            absent=settings.absent,
            include=settings.include,
            projects=settings.project,
            framework=settings.framework,
            gate=settings.gate,
            console_url="" if settings.demo else settings.console_url,  # the demo's resources are in no console
            show_personal_data=settings.show_personal_data,
            snapshot=settings.save_snapshot,
            digested=tuple(each.name for each in settings.formats if each.needs_digest),
        )
