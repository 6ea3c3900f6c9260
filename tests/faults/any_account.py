"""Small accounts of any types, rules about each part of them, and a model of what an audit must say of them.

The model knows the account file and the catalogue's endpoints, and nothing of how an audit reads them.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote

from hypothesis import strategies as st

from northflank_audit.config.policy import Policy
from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts
from northflank_audit.emulator.endpoints import built_in
from northflank_audit.resources import PARENT, TYPES, Kind, Scope
from northflank_audit.resources.base import Part
from tests.conftest import rules

ENDPOINTS = {each.path: each for each in built_in()}
LISTED = [kind for kind in TYPES.values() if kind.listing and not kind.within]
PAGE_SIZE = 2
IDS = ("a", "b", "c", "f1", "f/2", "x y", "ü.z")
"""Those that begin with an f violate the rule about their list."""
NAMES = ("www", "*")
OWNERS = ("team", "org")
HOME = "acme"
"""Whose the token is."""


def endpoint(kind):
    """Return what the emulator serves of a type."""
    return ENDPOINTS[tuple(kind.listing.path.strip("/").split("/"))]


def source(kind, part):
    """Return where an item in an account file has a part that is not its detail."""
    return endpoint(kind).children[part.path.partition("{id}/")[2]].source


# -- What the rules read of each part, and how an item holds it so that it passes or fails -----------------------------
@dataclass(frozen=True)
class Witness:
    """An expression that is true or false of a record once the part has been read, and unknown before."""

    require: str
    steps: tuple[str, ...]
    passes: object
    fails: object


@cache
def witness(name: str, part: str) -> Witness | None:
    """Return what a rule reads of a part: what its list does not give as well, if there is anything."""
    kind, declared = TYPES[name], TYPES[name].part(part)
    if part == "list":
        return Witness(f"!{kind.variable}.{kind.id}.startsWith('f')", (), None, None)
    if declared.joins:
        return Witness(f"{kind.variable}.{declared.joins}.size() < 2", (), None, None)
    if name == "registry-credential":  # today's list leaves this out
        return Witness("credential.restrictions.restricted", ("restrictions", "restricted"), True, False)
    taken = {each.path for each in kind.listing.fields} | {"subdomains[].name", "subdomains[].fullName"}
    fields = [each for each in declared.fields if each.path not in taken and each.kind not in (Kind.MAP, Kind.TIME)]
    return _about(f"{kind.variable}.{declared.into}.".replace("..", "."), fields[0]) if fields else None


def _about(prefix, field_):
    path, _, below = field_.path.partition("[]")
    steps, plain = tuple(path.split(".")), f"{prefix}{path}"
    if path != field_.path:
        items = [{}, {}] if below else ["x", "y"]
        return Witness(f"{plain}.size() < 2", steps, items[:1], items)
    if field_.kind is Kind.BOOLEAN:
        return Witness(plain, steps, True, False)
    if field_.kind is Kind.NUMBER:
        return Witness(f"{plain} < 5", steps, 4, 6)
    good, bad = field_.values[:2] if len(field_.values) > 1 else ("good", "bad")
    return Witness(f"{plain} == '{good}'", steps, good, bad)


PARTS = {kind.name: [part.name for part in kind.sources if witness(kind.name, part.name)] for kind in LISTED}


def policy(names):
    """Return rules: one about each part of each of these types, and two about all resources of each in an account."""
    entries = []
    for name in names:
        kind = TYPES[name]
        for part in PARTS[name]:
            require = witness(name, part).require
            entries.append({"id": f"{name}-{part}", "resource": name, "require": require})
            if kind.scope is not Scope.TOKEN:
                inner = require.replace(f"{kind.variable}.", "each.", 1)
                entries.append(
                    {
                        "id": f"every-{name}-{part}",
                        "resource": "account",
                        "require": f"account.{kind.collection}.all(each, {inner})",
                    }
                )
    text = json.dumps({"rules": [{"title": "T", "severity": "low", **each} for each in entries]})
    return Policy(rules=rules(text), waivers=[], baseline=None)


# -- Accounts ----------------------------------------------------------------------------------------------------------
def put(item, steps, value):
    for step in steps[:-1]:
        item = item.setdefault(step, {})
    item[steps[-1]] = value


@st.composite
def items(draw, kind, least=0):
    """Return items of a type as an account file has them."""
    found = []
    for identity in draw(st.lists(st.sampled_from(IDS), unique=True, min_size=least, max_size=5)):
        item = {"id": identity, "name": identity, kind.id: identity}
        for part in kind.parts:
            seen = witness(kind.name, part.name)
            if seen is None:
                continue
            count, good = draw(st.integers(0, 3)), draw(st.booleans())
            if part.each:
                names = item.setdefault("subdomains", [{"name": each} for each in NAMES[: draw(st.integers(0, 2))]])
                children = [{part.id: "x", part.by: each["name"]} for each in names]
                item[source(kind, part)] = children
            elif part.joins:
                item[part.joins] = [{part.id: f"c{number}"} for number in range(count)]
            elif part.into:
                below = item[source(kind, part)] = {}
                put(below, seen.steps, seen.passes if good else seen.fails)
            else:
                put(item, seen.steps, seen.passes if good else seen.fails)
        found.append(item)
    return found


@dataclass
class Case:
    """An account, and how it is audited."""

    accounts: EmulatedAccounts = field(repr=False)
    teams: list[str]
    names: list[str]
    owner: str
    records: dict[str, dict[tuple, list]] = field(default_factory=dict)
    """By type, then by team and project."""

    def _repr_pretty_(self, printer, _):
        printer.text(repr(self))  # Hypothesis would print every endpoint


@st.composite
def cases(draw, first="", least=0):
    """Return an account in which one to three types are audited, `first` among them, of which there are some at least."""
    some = draw(st.lists(st.sampled_from([each.name for each in LISTED]), unique=True, min_size=1, max_size=3))
    names = list(dict.fromkeys([first, *some[:2]])) if first else some
    scope = TYPES[first].scope if first else None
    owner = "org" if scope is Scope.ORGANISATION else "team" if scope is Scope.TEAM else draw(st.sampled_from(OWNERS))
    in_teams = owner == "org" and scope is not Scope.ORGANISATION and draw(st.booleans())
    teams = ["blue/1", "green"] if in_teams else []
    case = Case(EmulatedAccounts(EmulatedAccount([])), teams, names, owner, {name: {} for name in names})
    case.records.setdefault(PARENT.name, {})
    made = {team: draw(account(case, team, {first: least})) for team in [None, *teams]}
    auth = {"id": draw(st.sampled_from(IDS)), "entityType": owner, "entityId": HOME, "name": "t"}
    case.records.setdefault("auth", {})[None, None] = [auth]
    case.accounts = EmulatedAccounts(
        made[None], {team: made[team] for team in teams}, cursors=draw(st.booleans()), auth=auth
    )
    return case


@st.composite
def account(draw, case, team, least):
    """Return an account, and take note of what is in it, as far as that is audited."""
    projects = draw(items(PARENT, least=max(least.get(PARENT.name, 0), int(any(least.values())))))
    lists = {}
    for name in case.names:
        kind = TYPES[name]
        if kind is PARENT or kind.scope is Scope.TOKEN or (kind.scope is Scope.ORGANISATION and team):
            continue
        if kind.scope is Scope.PROJECT:
            for project in projects:
                project[endpoint(kind).source[1]] = case.records[name][team, project["id"]] = draw(
                    items(kind, least.get(name, 0))
                )
        else:
            lists[endpoint(kind).source[0]] = case.records[name][team, None] = draw(items(kind, least.get(name, 0)))
    case.records[PARENT.name][team, None] = projects
    return EmulatedAccount(lists.pop("credentials", []), projects, "", lists)


# -- The model: what must be served, and what comes of it --------------------------------------------------------------
@dataclass(frozen=True)
class Address:
    """An answer that an audit needs."""

    path: str
    start: int = 0
    """The item that a page begins with."""
    part: Part = field(default=None, compare=False, repr=False)
    key: str = field(default="", compare=False, repr=False)
    """Of a list: its key under `data`."""

    def _repr_pretty_(self, printer, _):
        printer.text(repr(self))


OWNER = Address("/v1/auth", 0, TYPES["auth"].listing)
"""The answer that says whose the token is."""


def segments(template, **ids):
    return template.format(**{name: quote(each or "", safe="") for name, each in ids.items()})


def base(kind, team):
    """Return what the paths of a type in an account begin with: what only teams have stands below the token's own."""
    owner = team or (HOME if kind.scope is Scope.TEAM else None)
    return "/v1" if owner is None else f"/v1/teams/{quote(owner, safe='')}"


def is_asked(case, kind, team):
    """Tell whether there is such a list in an account that is audited; the token's own is not where teams are named."""
    if kind.scope is Scope.ORGANISATION:
        return case.owner == "org" and not case.teams
    if kind.scope is Scope.TOKEN:
        return team is None
    return (team is not None) == bool(case.teams) and not (
        kind.scope is Scope.TEAM and case.owner == "org" and not team
    )


def list_addresses(case, kind, team, project):
    """Return the pages of a list, each with its items."""
    if kind.scope is Scope.TOKEN:
        return {OWNER: case.records[kind.name][None, None]}
    found = case.records[kind.name].get((team, project), [])
    path = base(kind, team) + segments(kind.listing.path, project=project)
    key = kind.listing.keys[0] if kind.listing.keys else ""
    size = PAGE_SIZE if kind.listing.paged else 1000
    starts = range(0, max(1, len(found)), size)
    return {Address(path, start, kind.listing, key): found[start : start + size] for start in starts}


def part_addresses(case, kind, team, project, item, part):
    key = part.keys[0] if part.keys else ""
    if part.each:
        detail = part_addresses(case, kind, team, project, item, kind.part("detail"))
        names = [each["name"] for each in item.get("subdomains", [])]
        paths = [base(kind, team) + segments(part.path, project=project, id=item[kind.id], name=name) for name in names]
        return detail + [Address(path, 0, part, key) for path in paths]
    path = base(kind, team) + segments(part.path, project=project, id=item[kind.id])
    count = len(item[part.joins]) if part.joins and part.paged else 0
    return [Address(path, start, part, key) for start in range(0, max(1, count), PAGE_SIZE)]


def value(kind, part, item):
    """Tell whether the rule about a part is met by an item, by the account file."""
    declared, seen = kind.part(part), witness(kind.name, part)
    if part == "list":
        return not item[kind.id].startswith("f")
    if declared.joins:
        return len(item[declared.joins]) < 2
    held = item[source(kind, declared)] if declared.into else item
    for step in seen.steps:
        held = held[step]
    return held == seen.passes


class Model:
    """The verdicts that there are, each with what must have been served for it."""

    def __init__(self, case):
        self.needed: dict[str, set[Address]] = {}
        """By type: what must be served whole for it to be complete."""
        self.verdicts: dict[tuple, tuple[bool, set[Address]]] = {}
        """By rule, type, team, project and id: whether it passes, and by which answers."""
        self.pages: set[Address] = set()
        for name in dict.fromkeys([PARENT.name, *case.names] if self._has_projects(case) else case.names):
            self._of_type(case, TYPES[name], evaluated=name in case.names)

    @staticmethod
    def _has_projects(case):
        return any(TYPES[name].scope is Scope.PROJECT for name in case.names)

    def _of_type(self, case, kind, *, evaluated):
        needed = self.needed.setdefault(kind.name, set())
        for team in (None, *case.teams):
            if is_asked(case, kind, team):
                self._of_account(case, kind, team, needed, evaluated=evaluated)
        if kind.scope is Scope.TEAM and not case.teams:  # whether its lists exist depends on whose token it is
            needed.add(OWNER)

    def _of_account(self, case, kind, team, needed, *, evaluated):
        above, projects = set(), [None]
        if kind.scope is Scope.PROJECT:
            above = set(list_addresses(case, PARENT, team, None))
            projects = [each["id"] for each in case.records[PARENT.name][team, None]]
        elif kind.scope is Scope.TEAM and team is None:
            above = {OWNER}
        wholes = {part: [True, set(above)] for part in PARTS[kind.name]}
        needed |= above
        for project in projects:
            for page, found in list_addresses(case, kind, team, project).items():
                needed.add(page)
                for each in wholes.values():
                    each[1].add(page)
                for item in found if evaluated else ():
                    self._of_item(case, kind, team, project, item, page, needed, wholes)
        for part, (good, by) in wholes.items() if evaluated and kind.scope is not Scope.TOKEN else ():
            self.verdicts[f"every-{kind.name}-{part}", "account", team, None, None] = (good, by)

    def _of_item(self, case, kind, team, project, item, page, needed, wholes):
        for part in PARTS[kind.name]:
            by = {page}
            if part != "list":
                by |= set(part_addresses(case, kind, team, project, item, kind.part(part)))
            good = value(kind, part, item)
            needed |= by
            wholes[part][0] &= good
            wholes[part][1] |= by
            self.verdicts[f"{kind.name}-{part}", kind.name, team, project, item[kind.id]] = (good, by)
