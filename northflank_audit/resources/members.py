"""Types about members of teams and organisations, and their roles."""

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec

from northflank_audit.resources.base import (
    DETAIL,
    LIST,
    Part,
    Permission,
    Record,
    ResourceType,
    Scope,
)
from northflank_audit.resources.children import child_type
from northflank_audit.resources.fields import Field, boolean, text, texts, time, words

_DIGITS: Final = 12


def invited(member: Record, team: str | None) -> str | None:
    """Return an id for a member without one: a person who was invited and has not signed up yet.

    None without an address. The same address in the same team gives the same id in every list.
    """
    address = min(_addresses(member), default=None)
    if address is None:
        return None
    return f"invited-{hashlib.sha256(msgspec.json.encode([team, address])).hexdigest()[:_DIGITS]}"


def _addresses(member: Record) -> Iterator[str]:
    """Yield the addresses of a member: in maps, or as texts for members of directory groups."""
    emails = member.get("emails")
    for email in emails if isinstance(emails, list) else ():
        address = email.get("address") if isinstance(email, dict) else email
        if isinstance(address, str) and address:
            yield address


_MEMBER: Final = (
    text("id"),
    text("name", personal=True),
    text("emails[].address", personal=True),
    boolean("emails[].verified"),
    boolean("finalized"),
    time("joinedAt"),
    time("lastLoginTime", changing=True),
)
_READ_MEMBERS: Final = Permission("Account > Admin > Members > Read")
_READ_ROLES: Final = Permission("Account > Admin > Roles > Read")
_READ_ORG_MEMBERS: Final = Permission("Organisation > Admin > Members > Read")
_READ_ORG_ROLES: Final = Permission("Organisation > Admin > Roles > Read")


def _members_of(path: str, permission: Permission, fields: tuple[Field, ...], among: str = "") -> Part:
    """Declare the members of what stands at this path, who are `among` the resources of a type."""
    return Part(
        name="members",
        path=f"{path}/{{id}}/members",
        keys=("members",),
        permission=permission,
        joins="members",
        among=among,
        identify=invited,
        fields=fields,
    )


TEAM_MEMBER: Final = ResourceType(
    name="team-member",
    family="access",
    singular="team member",
    plural="team members",
    scope=Scope.TEAM,
    variable="team_member",
    collection="team_members",
    label="id",  # the name is personal
    listing=Part(
        name=LIST,
        path="/members",
        keys=("members",),
        permission=_READ_MEMBERS,
        identify=invited,
        fields=_MEMBER,
    ),
)

_OF_EVERY_ROLE: Final = (
    text("id"),
    words("name"),
    words("description"),
    boolean("restrictions.enabled"),
    time("createdAt"),
    time("updatedAt", changing=True),
)
_OF_EVERY_TEAM_ROLE: Final = (
    *_OF_EVERY_ROLE,
    texts("restrictions.projects"),
    text("restrictions.restrictionMode", "in", "notIn"),
)

TEAM_ROLE: Final = ResourceType(
    name="team-role",
    family="access",
    singular="team role",
    plural="team roles",
    scope=Scope.TEAM,
    variable="team_role",
    collection="team_roles",
    listing=Part(name=LIST, path="/roles", keys=("roles",), permission=_READ_ROLES, fields=_OF_EVERY_TEAM_ROLE),
    parts=(
        Part(
            name=DETAIL,
            path="/roles/{id}",
            permission=_READ_ROLES,
            fields=(*_OF_EVERY_TEAM_ROLE, texts("permissions.teamScope"), texts("permissions.projectScope")),
        ),
        _members_of("/roles", _READ_ROLES, _MEMBER, among="team-member"),
    ),
)

TEAM_ROLE_MEMBER: Final = child_type(
    TEAM_ROLE,
    "members",
    name="team-role-member",
    singular="team role member",
    key="roleId",
)

TEAM: Final = ResourceType(
    name="team",
    family="access",
    singular="team",
    plural="teams",
    scope=Scope.ORGANISATION,
    variable="team",
    collection="teams",
    listing=Part(
        name=LIST,
        path="/teams",
        keys=("teams",),
        permission=Permission("Organisation > Team > General > Read"),
        fields=(text("id"), words("name"), words("description"), text("uid"), time("createdAt")),
    ),
)

ORG_MEMBER: Final = ResourceType(
    name="org-member",
    family="access",
    singular="organisation member",
    plural="organisation members",
    scope=Scope.ORGANISATION,
    variable="org_member",
    collection="org_members",
    label="id",  # as of a team's member
    listing=Part(
        name=LIST,
        path="/org-members",
        keys=("members",),
        permission=_READ_ORG_MEMBERS,
        identify=invited,  # the SDK documents no null here, as it does for teams
        fields=_MEMBER,
    ),
)

_OF_EVERY_ORG_ROLE: Final = (
    *_OF_EVERY_ROLE,
    text("restrictions.teams[].teamId"),
    boolean("restrictions.teams[].restrictions.enabled"),
    texts("restrictions.teams[].restrictions.projects"),
    text("restrictions.teams[].restrictions.restrictionMode", "in", "notIn"),
    texts("directoryGroups"),
)

ORG_ROLE: Final = ResourceType(
    name="org-role",
    family="access",
    singular="organisation role",
    plural="organisation roles",
    scope=Scope.ORGANISATION,
    variable="org_role",
    collection="org_roles",
    listing=Part(name=LIST, path="/org-roles", keys=("roles",), permission=_READ_ORG_ROLES, fields=_OF_EVERY_ORG_ROLE),
    parts=(
        Part(
            name=DETAIL,
            path="/org-roles/{id}",
            permission=_READ_ORG_ROLES,
            fields=(
                *_OF_EVERY_ORG_ROLE,
                texts("permissions.orgScope"),
                texts("permissions.teamScope"),
                texts("permissions.projectScope"),
            ),
        ),
        _members_of(
            "/org-roles", _READ_ORG_ROLES, (*_MEMBER, text("type", "explicit", "implicit")), among="org-member"
        ),
    ),
)

ORG_ROLE_MEMBER: Final = child_type(
    ORG_ROLE,
    "members",
    name="org-role-member",
    singular="organisation role member",
    key="roleId",
)

DIRECTORY_GROUP: Final = ResourceType(
    name="directory-group",
    family="access",
    singular="directory group",
    plural="directory groups",
    scope=Scope.ORGANISATION,
    variable="directory_group",
    collection="directory_groups",
    listing=Part(
        name=LIST,
        path="/directory-groups",
        keys=("directoryGroups",),
        paged=False,
        permission=_READ_ORG_ROLES,
        fields=(
            text("id"),
            words("name"),
            text("idpId"),
            time("createdAt"),
            time("updatedAt", changing=True),
        ),
    ),
    parts=(
        _members_of(
            "/directory-groups",
            _READ_ORG_MEMBERS,
            (
                text("id"),
                text("name", personal=True),
                texts("emails", personal=True),
                time("lastLoginTime", changing=True),
            ),
        ),
    ),
)

DIRECTORY_GROUP_MEMBER: Final = child_type(
    DIRECTORY_GROUP,
    "members",
    name="directory-group-member",
    singular="directory group member",
    key="groupId",
)
