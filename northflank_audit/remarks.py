"""What people say of findings: waivers accept them, annotations say who fixes them by when."""

import datetime as dt

import msgspec
from msgspec import UNSET, UnsetType


class Remark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names the findings that it is about."""

    rule: str
    """A rule's id; shell wildcards allowed."""
    resource: str
    """A resource's id, or an account's (its team, or `account`); shell wildcards allowed."""
    team: str | UnsetType | None = UNSET
    """A team's id, or null for the token's own account; left out, any."""
    project: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class Waiver(Remark, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accepted violation. It holds through the day `expires`, UTC."""

    reason: str
    owner: str
    expires: dt.date


class Annotation(Remark, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Says who fixes a finding by when, or that the tool is wrong about it. It changes no verdict."""

    owner: str = ""
    """Who fixes it."""
    due: dt.date | UnsetType = UNSET
    """The last day on which it is to be fixed, UTC."""
    comment: str = ""
    incorrect: bool = False
    """Whether the tool is wrong about it; the comment says why."""


class Annotations(msgspec.Struct, frozen=True, kw_only=True):
    """What the annotations of a run amount to."""

    overdue: int
    """Findings that should have been fixed before the run."""
    incorrect: int
    """Findings of which someone says that the tool is wrong."""
    unused: list[Annotation]
    """Annotations that are about no finding."""
