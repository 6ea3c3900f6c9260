"""An account as rules see it that need more than one record of it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from northflank_audit.model import Account, Identity, Resource
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.cel import Names, Shared
from northflank_audit.policy.kinds import Doubt, Kinds, together
from northflank_audit.policy.needs import PROJECT_TYPE
from northflank_audit.resources import TYPES, ResourceType


class AccountView:
    """The resources of an account by type, without what is odd in them."""

    def __init__(
        self, account: Account, resources: Sequence[Resource], rules: Iterable[CompiledRule], now: dt.datetime
    ) -> None:
        """Look at what these rules read of an account and its resources."""
        self.account = account
        self._now = now
        self._by_type: defaultdict[str, list[Resource]] = defaultdict(list)
        for each in resources:
            self._by_type[each.type].append(each)
        read = {kind for rule in rules for kind in (*rule.lists, rule.rule.resource)}
        self._doubts: dict[Identity, Doubt] = {}
        for kind in read & set(self._by_type):
            kinds = Kinds(TYPES[kind], [()], now)
            self._doubts |= {each.identity: doubt for each in self._by_type[kind] if (doubt := kinds.doubt(each))}
        self._shared: dict[tuple[frozenset[str], str], Shared] = {}

    def of(self, kind: str) -> Sequence[Resource]:
        """Return the resources of a type."""
        return self._by_type[kind]

    def about(self, kind: ResourceType) -> Sequence[Resource]:
        """Return what rules about a type are about: its resources, or the account itself."""
        return self.of(kind.name) if kind.listing is not None else [self.account.resource]

    def is_doubtful(self, resource: Resource) -> bool:
        """Tell whether something of a resource must not be relied upon."""
        return resource.identity in self._doubts

    @property
    def has_doubts(self) -> bool:
        """Whether something of any resource must not be relied upon."""
        return bool(self._doubts)

    def doubt(self, resource: Resource) -> Doubt:
        """Return what of a resource is in doubt."""
        return self._doubts.get(resource.identity) or Doubt(resource.record, {}, frozenset())

    def knows(self, kind: str) -> bool:
        """Tell whether the list of a type is known as a whole."""
        return kind not in self.account.unknown

    def shared(self, rule: CompiledRule) -> tuple[Shared, dict[str, int]]:
        """Return the variables that a rule reads of the whole account, and how many each list holds."""
        key = (rule.of_account, rule.of_resources)
        account = {TYPES[kind].collection: self._records(kind) for kind in rule.of_account if self.knows(kind)}
        if key not in self._shared:
            variables: dict[str, Any] = {"account": account, "now": self._now}
            if rule.of_resources and self.knows(rule.of_resources):
                variables["resources"] = self._records(rule.of_resources)
            if self.knows(PROJECT_TYPE):
                variables["projects"] = self.account.projects
            self._shared[key] = Shared(variables)
        shared = self._shared[key]
        counts = {f"account.{name}": len(records) for name, records in sorted(account.items())}
        for name in ("projects", "resources"):
            if name in rule.wide and name in shared.variables:
                counts[name] = len(shared.variables[name])
        return shared, counts

    def absent(self, rule: CompiledRule) -> Names:
        """Return the names of fields that may be there all the same in others' records, and of unknown lists."""
        doubts = [
            self._doubts[each.identity] for kind in rule.lists for each in self.of(kind) if self.is_doubtful(each)
        ]
        names = together(doubts)
        unknown = {TYPES[kind].collection for kind in rule.of_account if not self.knows(kind)}
        return None if names is None else names | unknown

    def _records(self, kind: str) -> list[dict[str, Any]]:
        return [self.doubt(each).record for each in self.of(kind)]
