"""Compares a run with the baseline: new, ongoing, resolved, unsettled.

A violation is resolved only if the run saw it resolved. It is unsettled if the current run could not evaluate it, did
not see it, or excluded its rule or account. Two reports about different things are not compared at all.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from msgspec import UnsetType

from northflank_audit.baseline import Baseline, BaselineRule, is_anonymous
from northflank_audit.model import Identity, Resource, ResourceName, Result, Status, account_name, fingerprint
from northflank_audit.report import BaselineRun, Comparison, Origin, RuleSummary, Run
from northflank_audit.resolution import RESOLVED, Became
from northflank_audit.resources import PARENT

MOST_NAMED: Final = 3
"""Rules that a caution names at most; it counts the rest."""


class CurrentRun(NamedTuple):
    """The facts of the current run that decide what became of a violation."""

    run: Run
    rules: Sequence[RuleSummary]
    accounts: Collection[str | None]
    """The teams (None: the token's own account) whose lists were requested."""
    seen: bool
    """Whether every requested list was read to its end."""
    unread: Collection[tuple[str | None, str]] = ()
    """The lists that were not read completely, by team and type, whether they were requested or not."""

    @property
    def saw_no_account(self) -> bool:
        """Whether the run could not even find out which accounts exist."""
        return not self.seen and not self.accounts


class ComparisonOutcome(NamedTuple):
    """The outcome of a comparison. All fields except `comparison` are empty if nothing was compared."""

    comparison: Comparison | UnsetType
    results: list[Result]
    """Those of the current run, with their `state`."""
    resolved: list[Result]
    unsettled: list[Result]


class RunComparison(Protocol):
    """Records every verdict of a run, and compares the run with an earlier state."""

    def add(self, rule_id: str, resource: Resource, status: Status) -> None:
        """Record a verdict."""

    def outcome(self, current: CurrentRun, results: Sequence[Result]) -> ComparisonOutcome:
        """Compare. `results` are those of the current run, without a state."""


class BaselineComparison:
    """Records the verdicts on violations of the baseline, and compares the run with it."""

    def __init__(self, baseline: Baseline, audited: Collection[str | None] | None = None) -> None:
        """`audited` are the accounts with earlier runs, by team, if they are known to have the current run's owner.

        If None, they are those of the baseline, and reports of different accounts are not compared.
        """
        self._baseline = baseline
        self._audited = _accounts(baseline.run.source) if audited is None else set(audited)
        self._same_owner = audited is not None
        # A violation that the baseline could not see or evaluate stays one until a run sees that it is resolved.
        pending = [each for each in baseline.unsettled if each.became in (Became.UNKNOWN, Became.UNSEEN)]
        self._comparable = self._audited.union(each.resource.team for each in pending)
        self._before = {each.fingerprint: each for each in [*baseline.results, *pending]}
        self._violated = {key: each for key, each in self._before.items() if each.status is Status.FAIL}
        # Nobody may have received the baseline: what was new or resolved in it is reported as such again.
        undelivered = baseline.resolved if baseline.run.undelivered else []
        self._undelivered = {each.fingerprint: each for each in undelivered}
        self._rules = {each.rule_id for each in (*self._violated.values(), *undelivered)}
        self._current: dict[str, tuple[Status, Resource]] = {}

    def add(self, rule_id: str, resource: Resource, status: Status) -> None:
        """Record a verdict."""
        if rule_id not in self._rules:  # true of most verdicts, so compute no digest for them
            return
        key = fingerprint(rule_id, resource.identity)
        if key in self._violated or key in self._undelivered:
            self._current[key] = (status, resource)

    def outcome(self, current: CurrentRun, results: Sequence[Result]) -> ComparisonOutcome:
        """Compare. `results` are those of the current run, without a state."""
        run = self._baseline.run
        baseline = BaselineRun(id=run.id, finished_at=run.finished_at, complete=not run.has_gaps, source=run.source)
        unquestioned = self._same_owner or current.saw_no_account
        refused = None if unquestioned else _mismatch(run.source, self._comparable, current.run.source)
        if refused is not None:
            return ComparisonOutcome(Comparison(baseline=baseline, refused=refused), list(results), [], [])
        results = [self._with_state(each) for each in results]
        pairs = {(rule.id, rule.resource) for rule in current.rules}
        ended = [
            msgspec.structs.replace(
                each, state=msgspec.UNSET, unwaived=msgspec.UNSET, became=became, resource=self._named(each)
            )
            for each in self._violated.values()
            if (became := self._became(each, current, pairs)) is not None
        ]
        sound = (None, Status.PASS, Status.NOTAPPLICABLE)
        ended += [each for each in self._undelivered.values() if self._status(each) in sound]
        ended.sort(key=lambda result: result.order)
        resolved = [each for each in ended if each.became in RESOLVED]
        unsettled = [each for each in ended if each.became not in RESOLVED]
        failed = [each for each in results if each.status is Status.FAIL]
        states = Counter(each.state for each in failed if each.violates)
        waived = [each for each in failed if each.state == "ongoing" and each.waiver and not self._was_waived(each)]
        comparison = Comparison(
            baseline=baseline,
            cautions=[*self._cautions(current, results)],
            new=states["new"],
            ongoing=states["ongoing"],
            resolved=len(resolved),
            unsettled=len(unsettled),
            waived=len(waived),
            unwaived=sum(each.unwaived is True for each in failed),
        )
        return ComparisonOutcome(comparison, results, resolved, unsettled)

    def _with_state(self, result: Result) -> Result:
        """Give a violation its state. Other results have none: an unknown is neither new nor ongoing."""
        if result.status is not Status.FAIL:
            return result
        before = self._violated.get(result.fingerprint)
        if before is None or (self._baseline.run.undelivered and before.is_new):
            return msgspec.structs.replace(result, state="new")
        unwaived = result.waiver is None and before.waiver is not None
        return msgspec.structs.replace(result, state="ongoing", unwaived=unwaived or msgspec.UNSET)

    def _was_waived(self, result: Result) -> bool:
        return self._before[result.fingerprint].waiver is not None

    def _status(self, result: Result) -> Status | None:
        """Return what the current run says of a violation of the baseline; None if it did not evaluate it."""
        status, _ = self._current.get(result.fingerprint, (None, None))
        return status

    def _named(self, result: Result) -> ResourceName:
        """Return the resource of a violation of the baseline; a baseline file does not name it, the current run may."""
        _, resource = self._current.get(result.fingerprint, (None, None))
        return result.resource if resource is None or not is_anonymous(result) else ResourceName.of(resource)

    def _became(self, result: Result, current: CurrentRun, pairs: Collection[tuple[str, str]]) -> Became | None:
        """Return what became of a violation; None if it is still one.

        `pairs` are the rules that ran, each with the type of resource that it is about.
        """
        status, kind, team = self._status(result), result.resource.type, result.resource.team
        if status is not None:
            return _BECAME[status]
        if (result.rule_id, kind) not in pairs:
            return Became.UNASKED
        if not _audits(current.run.source, result.resource.identity):
            return Became.UNAUDITED
        # The run may not have found out which accounts exist.
        if not current.seen or (team, kind) in current.unread:
            return Became.UNSEEN
        return Became.GONE if team in current.accounts else Became.UNAUDITED

    def _cautions(self, current: CurrentRun, results: Iterable[Result]) -> Iterator[str]:
        """Yield reasons, other than a change in the account, for which something may be new or resolved."""
        run, source = self._baseline.run, self._baseline.run.source
        if run.undelivered:
            yield "the earlier report was not delivered everywhere, so what was new or resolved in it is listed again"
        if run.has_gaps:
            unseen = [each for each in run.incomplete_reasons if each not in run.undelivered]
            reason = f" ({unseen[0]})" if unseen else ""
            yield f"the earlier report is incomplete{reason}: what is new here may have been there before"
        if source.kind != "demo" and _named(source) != _named(current.run.source):
            yield (
                f"the earlier report is of {_named(source)}, this one of {_named(current.run.source)}: "
                "the comparison holds only if both are of the same account"
            )
        if run.finished_at > current.run.started_at:
            yield "the earlier report was made after this audit began: what is called new may since have been fixed"
        new = [each for each in results if each.state == "new"]
        unknown = sum(
            (before := self._before.get(each.fingerprint)) is not None
            and before.status in (Status.UNKNOWN, Status.ERROR)
            for each in new
        )
        if unknown:
            yield f"{unknown} of what is new was unknown in the earlier report, and may have been there before"
        teams = {each.resource.team for each in new} - self._audited
        if source.kind != "input" and teams:
            accounts = _listed(map(account_name, teams))
            yield f"the earlier report did not audit {accounts}, so everything there is new"
        if any(not _audits(source, each.resource.identity) for each in new):
            yield f"the earlier report audited only {_listed(source.projects or [])}, so everything else is new"
        yield from self._changed_rules(current.rules, {each.rule_id for each in new})

    def _changed_rules(self, rules: Iterable[RuleSummary], new: Collection[str]) -> Iterator[str]:
        before: Mapping[str, BaselineRule] = {rule.id: rule for rule in self._baseline.rules}
        added = [rule.id for rule in rules if rule.id not in before and rule.id in new]
        if added:
            yield f"the earlier report did not run {_listed(added)}, so all of its violations are new"
        followed = {*new, *(each.rule_id for each in self._violated.values())}
        changed = [
            rule.id
            for rule in rules
            if rule.id in followed
            and (then := before.get(rule.id)) is not None
            and (then.params != rule.params or (then.sha256 and then.sha256 != rule.sha256))
        ]
        if changed:
            yield f"the file or parameters of {_listed(changed)} changed; what is new or resolved may come from that"


_BECAME: Final[Mapping[Status, Became | None]] = {
    Status.PASS: Became.FIXED,
    Status.NOTAPPLICABLE: Became.NOTAPPLICABLE,
    Status.UNKNOWN: Became.UNKNOWN,
    Status.ERROR: Became.UNKNOWN,
    Status.FAIL: None,
}


def _mismatch(baseline: Origin, audited: Collection[str | None], source: Origin) -> str | None:
    """Return why two sources can't be compared: they certainly have different resources.

    `audited` are the accounts of the baseline.
    """
    if "demo" in (baseline.kind, source.kind):
        return None if baseline.kind == source.kind else f"the earlier report is of {_named(baseline)}"
    if "input" in (baseline.kind, source.kind):
        return None
    if _accounts(source).isdisjoint(audited):
        accounts = _listed(map(account_name, _accounts(baseline)))
        return f"the earlier report is of {accounts}, which this audit did not read"
    return None


def _accounts(source: Origin) -> set[str | None]:
    return {*source.teams} or {None}


def _audits(source: Origin, identity: Identity) -> bool:
    """Return whether a report is about a resource, as far as projects were named."""
    kind, _, project, resource_id = identity
    named = source.projects
    return named is msgspec.UNSET or (resource_id if kind == PARENT.name else project) in named


def _named(source: Origin) -> str:
    if source.kind == "input":
        return _listed(source.files or []) if source.files is not msgspec.UNSET else "saved JSON"
    return "the sample account" if source.kind == "demo" else f"the API at {source.url}"


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - MOST_NAMED
    return ", ".join(ordered[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
