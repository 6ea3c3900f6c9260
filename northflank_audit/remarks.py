"""Waivers and annotations: accepted findings, and who fixes them by when."""

import datetime as dt

import msgspec
from msgspec import UNSET, UnsetType


class Remark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Identifies the findings that it is about."""

    rule: str
    """A rule's id; shell wildcards allowed."""
    resource: str
    """A resource's id, or an account's (its team, or `account`); shell wildcards allowed."""
    team: str | UnsetType | None = UNSET
    """A team's id, or null for the token's own account; if omitted, any."""
    project: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class Waiver(Remark, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An accepted violation, valid through the day `expires`, UTC."""

    reason: str
    owner: str
    expires: dt.date


class Annotation(Remark, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who fixes a finding by when, or that the tool is wrong about it. It changes no verdict."""

    owner: str = ""
    """Who fixes it."""
    due: dt.date | UnsetType = UNSET
    """The last day on which it is to be fixed, UTC."""
    comment: str = ""
    incorrect: bool = False
    """Whether the tool is wrong about it; the comment says why."""


class Annotations(msgspec.Struct, frozen=True, kw_only=True):
    """The annotations of a run, summed up."""

    overdue: int
    """Findings that should have been fixed before the run."""
    incorrect: int
    """Findings that are reported as incorrect."""
    unused: list[Annotation]
    """Annotations that are about no finding."""
