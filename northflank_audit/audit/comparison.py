"""What changed since an earlier report: what is new, what goes on, and what became of the rest.

Only what was seen to be resolved is called so. A violation is unsettled if the current run could not evaluate it, did
not see it, or excluded its rule or account. Two reports about different things are not compared at all.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from northflank_audit.earlier_report import Baseline, BaselineRule
from northflank_audit.model import RESOLVED, Became, Identity, Resource, ResourceName, Result, Status
from northflank_audit.report import Comparison, Earlier, Origin, RuleSummary, Run

DEEPEST_EVIDENCE: Final = 110
"""Maps and lists within each other, in an earlier report's evidence: some more than a record that is evaluated has."""
MOST_NAMED: Final = 3
"""Rules that a caution names."""

Key = tuple[str, Identity]
"""What identifies a finding: rule and resource. A fingerprint is its digest."""


class Current(NamedTuple):
    """What must be known of this run to tell what became of something."""

    run: Run
    rules: Sequence[RuleSummary]
    accounts: Collection[str | None]
    """The teams (None: the token's own account) whose lists were asked for."""
    seen: bool
    """Whether every list that was asked for was read to its end."""
    unread: Collection[tuple[str | None, str]] = ()
    """By team and type, lists that are not known as a whole, asked for or not."""

    @property
    def blind(self) -> bool:
        """Whether it could not even be seen which accounts there are."""
        return not self.seen and not self.accounts


class Outcome(NamedTuple):
    """What a comparison found. All but `comparison` are empty where nothing was compared."""

    comparison: Comparison
    results: list[Result]
    """Current's, with their `state`."""
    resolved: list[Result]
    unsettled: list[Result]


class BaselineComparison:
    """Sees every verdict of a run, and remembers what those on an earlier report's violations were."""

    def __init__(self, past: Baseline) -> None:
        self._past = past
        # What could not be seen or evaluated then goes on being a violation until it is seen to be none.
        pending = [each for each in past.unsettled if each.became in (Became.UNKNOWN, Became.UNSEEN)]
        self._audited = _accounts(past.run.source).union(each.resource.team for each in pending)
        self._before = {_key(each.rule_id, each.resource): each for each in [*past.results, *pending]}
        self._violated = {key: each for key, each in self._before.items() if each.status is Status.FAIL}
        # What nobody may have been told is told again, as new or resolved as it was.
        owed = past.resolved if past.run.undelivered else []
        self._owed = {_key(each.rule_id, each.resource): each for each in owed}
        self._today: dict[Key, Status] = {}

    def saw(self, rule_id: str, resource: Resource, status: Status) -> None:
        """Note a verdict."""
        key = (rule_id, resource.identity)
        if key in self._violated or key in self._owed:
            self._today[key] = status

    def outcome(self, today: Current, results: Sequence[Result]) -> Outcome:
        """Compare. `results` are today's, without a state."""
        run = self._past.run
        earlier = Earlier(id=run.id, finished_at=run.finished_at, complete=not run.blind, source=run.source)
        refused = None if today.blind else _other(run.source, self._audited, today.run.source)
        if refused is not None:
            return Outcome(Comparison(earlier=earlier, refused=refused), list(results), [], [])
        results = [self._stated(each) for each in results]
        asked = {(rule.id, rule.resource) for rule in today.rules}
        ended = [
            msgspec.structs.replace(each, state=msgspec.UNSET, became=became)
            for key, each in self._violated.items()
            if (became := self._became(key, today, asked)) is not None
        ]
        sound = (None, Status.PASS, Status.NOTAPPLICABLE)
        ended += [each for key, each in self._owed.items() if self._today.get(key) in sound]
        ended.sort(key=lambda result: result.order)
        resolved = [each for each in ended if each.became in RESOLVED]
        unsettled = [each for each in ended if each.became not in RESOLVED]
        failed = [each for each in results if each.status is Status.FAIL]
        states = Counter(each.state for each in failed if each.violates)
        waivers = Counter((self._waived(each), each.waiver is not None) for each in failed if each.state == "ongoing")
        comparison = Comparison(
            earlier=earlier,
            cautions=[*self._cautions(today, results)],
            new=states["new"],
            ongoing=states["ongoing"],
            resolved=len(resolved),
            unsettled=len(unsettled),
            waived=waivers[False, True],
            unwaived=waivers[True, False],
        )
        return Outcome(comparison, results, resolved, unsettled)

    def _stated(self, result: Result) -> Result:
        """Give a violation its state. What is no violation has none: an unknown neither goes on nor is it new."""
        if result.status is not Status.FAIL:
            return result
        before = self._violated.get(_key(result.rule_id, result.resource))
        known = before is not None and not (self._past.run.undelivered and before.state == "new")
        return msgspec.structs.replace(result, state="ongoing" if known else "new")

    def _waived(self, result: Result) -> bool:
        return self._before[_key(result.rule_id, result.resource)].waiver is not None

    def _became(self, key: Key, today: Current, asked: Collection[tuple[str, str]]) -> Became | None:
        """Return what became of a violation; None where it is one today.

        `asked` are the rules that ran, each with the type of resource that it is about.
        """
        rule_id, (kind, team, _project, _id) = key
        status = self._today.get(key)
        if status is not None:
            return _BECAME[status]
        if (rule_id, kind) not in asked:
            return Became.UNASKED
        # Which accounts there are may be among what was not seen.
        if not today.seen or (team, kind) in today.unread:
            return Became.UNSEEN
        return Became.GONE if team in today.accounts else Became.UNAUDITED

    def _cautions(self, today: Current, results: Iterable[Result]) -> Iterator[str]:
        """Yield why what is new, or resolved, may be so for another reason than that someone changed something."""
        run, source = self._past.run, self._past.run.source
        if run.undelivered:
            yield "the earlier report was not delivered everywhere: what was new or resolved in it still is, here"
        if run.blind:
            unseen = [each for each in run.incomplete_reasons if each not in run.undelivered]
            reason = f" ({unseen[0]})" if unseen else ""
            yield f"the earlier report is incomplete{reason}: what is new here may have been there before"
        if source.kind != "demo" and _named(source) != _named(today.run.source):
            yield (
                f"the earlier report is of {_named(source)}, this one of {_named(today.run.source)}: "
                "the comparison holds only if both are of the same account"
            )
        if run.finished_at > today.run.started_at:
            yield "the earlier report was made after this audit began: what is called new may be what is gone since"
        new = [each for each in results if each.state == "new"]
        unknown = sum(
            (before := self._before.get(_key(each.rule_id, each.resource))) is not None
            and before.status in (Status.UNKNOWN, Status.ERROR)
            for each in new
        )
        if unknown:
            yield f"{unknown} of what is new could not be judged by the earlier report, and may have been there before"
        teams = {each.resource.team for each in new} - _accounts(source)
        if source.kind != "input" and teams:
            accounts = _listed(map(_account, teams))
            yield f"the earlier report did not audit {accounts}: all there is new to it"
        yield from self._changed_rules(today.rules, {each.rule_id for each in new})

    def _changed_rules(self, rules: Iterable[RuleSummary], new: Collection[str]) -> Iterator[str]:
        before: Mapping[str, BaselineRule] = {rule.id: rule for rule in self._past.rules}
        added = [rule.id for rule in rules if rule.id not in before and rule.id in new]
        if added:
            yield f"the earlier report did not ask {_listed(added)}: what violates it is new for that reason"
        followed = {*new, *(rule_id for rule_id, *_ in self._violated)}
        changed = [
            rule.id
            for rule in rules
            if rule.id in followed
            and (then := before.get(rule.id)) is not None
            and (then.params != rule.params or (then.sha256 and then.sha256 != rule.sha256))
        ]
        if changed:
            yield f"the file or parameters of {_listed(changed)} changed: what is new or resolved may come from that"


_BECAME: Final[Mapping[Status, Became | None]] = {
    Status.PASS: Became.FIXED,
    Status.NOTAPPLICABLE: Became.NOTAPPLICABLE,
    Status.UNKNOWN: Became.UNKNOWN,
    Status.ERROR: Became.UNKNOWN,
    Status.FAIL: None,
}


def _key(rule_id: str, resource: ResourceName) -> Key:
    return (rule_id, resource.identity)


def _other(earlier: Origin, audited: Collection[str | None], source: Origin) -> str | None:
    """Return why two sources can't be compared: they are about different things for certain.

    `audited` are the accounts that the earlier report is of.
    """
    if "demo" in (earlier.kind, source.kind):
        return None if earlier.kind == source.kind else f"the earlier report is of {_named(earlier)}"
    if "input" in (earlier.kind, source.kind):
        return None
    if _accounts(source).isdisjoint(audited):
        return (
            f"the earlier report is of {_listed(map(_account, _accounts(earlier)))}, which this audit did not look at"
        )
    return None


def _accounts(source: Origin) -> set[str | None]:
    return {*source.teams} or {None}


def _account(team: str | None) -> str:
    return "the token's own account" if team is None else f"team {team}"


def _named(source: Origin) -> str:
    if source.kind == "input":
        return _listed(source.files or []) if source.files is not msgspec.UNSET else "saved JSON"
    return "the sample account" if source.kind == "demo" else f"the API at {source.url}"


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - MOST_NAMED
    return ", ".join(ordered[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
