"""What to audit and how, independent of the command line."""

from dataclasses import dataclass
from typing import Literal

from northflank_audit.config.policy import Policy
from northflank_audit.config.settings import DEFAULTS, Settings
from northflank_audit.model import Severity, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """The policy, how much to read, what to list, and what fails the audit."""

    policy: Policy
    details: Literal["auto", "always", "never"] = DEFAULTS["details"]
    absent: Literal["unknown", "notapplicable", "violating"] = DEFAULTS["absent"]
    """What it means if the API omits a documented field that a rule reads."""
    include: frozenset[Status] = frozenset()
    """Further results to list: `pass`, `notapplicable`."""
    fail_on: Severity | None = DEFAULTS["fail_on"]
    """The lowest severity that makes the exit code 1; None: no severity does."""
    on_unknown: Literal["fail", "ignore"] = DEFAULTS["on_unknown"]
    fail_on_new: bool = False
    """Whether violations that are ongoing do not make the exit code 1."""
    console_url: str = ""
    """The address of the console that results link to; empty, they link nowhere."""
    snapshot: str | None = None
    """Where to save what was fetched."""
    digested: tuple[str, ...] = ()
    """The formats that need the digest of what was fetched, saved or not."""

    @classmethod
    def of(cls, settings: Settings, policy: Policy) -> "AuditRequest":
        """Select from a run's settings what the audit itself needs."""
        return cls(
            policy=policy,
            details=settings.details,
            absent=settings.absent,
            include=settings.include,
            fail_on=settings.fail_on,
            on_unknown=settings.on_unknown,
            fail_on_new=settings.fail_on_new,
            console_url="" if settings.demo else settings.console_url,  # the demo's resources are in no console
            snapshot=settings.save_snapshot,
            digested=tuple(each.name for each in settings.formats if each.needs_digest),
        )
