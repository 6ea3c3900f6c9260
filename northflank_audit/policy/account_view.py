"""Presents an account to account-scoped rules."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from northflank_audit.model import Account, Identity, Resource
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.cel import Names, Shared
from northflank_audit.policy.kinds import FieldKinds, Uncertainty, all_absent
from northflank_audit.policy.rule_reads import PROJECT_TYPE
from northflank_audit.resources import TYPES, ResourceType


class AccountView:
    """The resources of an account by type, without their invalid values."""

    def __init__(
        self, account: Account, resources: Sequence[Resource], rules: Iterable[CompiledRule], now: dt.datetime
    ) -> None:
        """Check what these rules read of an account and its resources."""
        self.account = account
        self._now = now
        self._by_type: defaultdict[str, list[Resource]] = defaultdict(list)
        for each in resources:
            self._by_type[each.type].append(each)
        read = {kind for rule in rules for kind in (*rule.list_types, rule.rule.resource)}
        self._uncertainties: dict[Identity, Uncertainty] = {}
        for kind in read & set(self._by_type):
            kinds = FieldKinds(TYPES[kind], [()], now)
            fits = kinds.fit([each.record for each in self._by_type[kind]])
            self._uncertainties |= {
                each.identity: uncertainty
                for each in self._by_type[kind]
                if (uncertainty := kinds.uncertainty(each, fits=fits))
            }
        self._shared: dict[tuple[frozenset[str], str], Shared] = {}

    def of(self, kind: str) -> Sequence[Resource]:
        """Return the resources of a type."""
        return self._by_type[kind]

    def about(self, kind: ResourceType) -> Sequence[Resource]:
        """Return the resources that rules about a type evaluate: those of the type, or the account itself."""
        return self.of(kind.name) if kind.listing is not None else [self.account.resource]

    def is_uncertain(self, resource: Resource) -> bool:
        """Return whether a part of a resource's record is uncertain."""
        return resource.identity in self._uncertainties

    @property
    def has_uncertainty(self) -> bool:
        """Whether something about any resource is uncertain."""
        return bool(self._uncertainties)

    def uncertainty(self, resource: Resource) -> Uncertainty:
        """Return what is uncertain about a resource."""
        return self._uncertainties.get(resource.identity) or Uncertainty(resource.record, {}, frozenset())

    def has_whole_list(self, kind: str) -> bool:
        """Return whether the list of a type was read completely."""
        return kind not in self.account.unknown

    def shared(self, rule: CompiledRule) -> tuple[Shared, dict[str, int]]:
        """Return the account-wide variables that a rule reads, and how many items each list holds."""
        key = (rule.account_lists, rule.resources_type)
        account = {
            TYPES[kind].collection: self._records(kind) for kind in rule.account_lists if self.has_whole_list(kind)
        }
        if key not in self._shared:
            variables: dict[str, Any] = {"account": account, "now": self._now}
            if rule.resources_type and self.has_whole_list(rule.resources_type):
                variables["resources"] = self._records(rule.resources_type)
            if self.has_whole_list(PROJECT_TYPE):
                variables["projects"] = self.account.projects
            self._shared[key] = Shared(variables)
        shared = self._shared[key]
        counts = {f"account.{name}": len(records) for name, records in sorted(account.items())}
        for name in ("projects", "resources"):
            if name in rule.account_variables and name in shared.variables:
                counts[name] = len(shared.variables[name])
        return shared, counts

    def absent(self, rule: CompiledRule) -> Names:
        """Return the fields that other records may lack only because parts were not read, and unknown lists."""
        uncertainties = [
            self._uncertainties[each.identity]
            for kind in rule.list_types
            for each in self.of(kind)
            if self.is_uncertain(each)
        ]
        names = all_absent(uncertainties)
        unknown = {TYPES[kind].collection for kind in rule.account_lists if not self.has_whole_list(kind)}
        return None if names is None else names | unknown

    def _records(self, kind: str) -> list[dict[str, Any]]:
        return [self.uncertainty(each).record for each in self.of(kind)]
