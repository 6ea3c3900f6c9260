"""The history as static pages: accounts, rules, resources, findings."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa

from northflank_audit.formats.trend_chart import Chart, chart
from northflank_audit.history import pages
from northflank_audit.history.lives import Life, lives
from northflank_audit.history.runs import AccountRow, RunRow, account_ids, runs
from northflank_audit.history.statistics import AccountStatistics, statistics
from northflank_audit.model import ResourceName, Severity

SCRIPT = "site.js"
INDEX = "index.html"


class AccountPage(NamedTuple):
    """What the pages show about an account."""

    statistics: AccountStatistics
    runs: list[RunRow]
    chart: Chart | None
    open: dict[str, int]
    """Open violations that are not waived, by severity."""
    lives: list[Life]

    @property
    def label(self) -> str:
        """The account's name."""
        return self.statistics.account.label

    @property
    def last(self) -> RunRow | None:
        """Its last run."""
        return self.runs[-1] if self.runs else None


class Site(NamedTuple):
    """Everything that the pages show."""

    made_at: dt.datetime
    accounts: list[AccountPage]


def read_site(
    connection: sa.Connection, now: dt.datetime, patterns: Sequence[str] = (), every: dt.timedelta | None = None
) -> Site:
    """Return what the pages show about accounts. `every` is how often a run is expected."""
    accounts = account_ids(connection, patterns)
    of_account: dict[AccountRow, list[Life]] = {account: [] for account in accounts.values()}
    for life in lives(connection, accounts):
        of_account[life.account].append(life)
    own: dict[AccountRow, list[RunRow]] = {account: [] for account in accounts.values()}
    for run in runs(connection, patterns):
        for each in run.accounts:
            if each.account in own:
                own[each.account].append(run)
    figures = statistics(connection, now, patterns, every=every)
    shown = [
        AccountPage(
            each, own[each.account], chart(each.trend), _open(of_account[each.account]), of_account[each.account]
        )
        for each in figures
    ]
    return Site(now, sorted(shown, key=lambda each: (_worst_first(each.open), each.label)))


def _open(found: Iterable[Life]) -> dict[str, int]:
    counts = Counter(each.finding.severity.value for each in found if each.open and each.waiver is None)
    return {each.value: counts[each.value] for each in Severity}


def _worst_first(counts: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(-counts[each] for each in reversed(Severity))


def site_files(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page; all are in one folder."""
    yield INDEX, _page("site-index.html.j2", site, accounts=site.accounts)
    for account in site.accounts:
        yield account_file(account.label), _page("site-account.html.j2", site, account=account)
        for life in account.lives:
            yield finding_file(life), _page("site-finding.html.j2", site, life=life, states=_states(account, life))
    every = [life for account in site.accounts for life in account.lives]
    for rule, found in _grouped(every, lambda life: life.finding.rule_id):
        yield rule_file(rule), _page("site-findings.html.j2", site, what="Rule", name=rule, lives=found)
    for (label, name), found in _grouped(
        every, lambda life: (life.account.label, resource_name(life.finding.resource))
    ):
        file = resource_file(found[0])
        yield file, _page("site-findings.html.j2", site, what="Resource", name=f"{label}: {name}", lives=found)


def _grouped(found: Sequence[Life], key: Any) -> Iterator[tuple[Any, list[Life]]]:
    for name, group in groupby(sorted(found, key=key), key=key):
        yield name, list(group)


def _states(account: AccountPage, life: Life) -> list[tuple[RunRow, str]]:
    """Return the runs that changed a finding, with its state after each."""
    changed = {change.number for change in life.changes}
    return [(run, life.state_at(run.seq) or "") for run in account.runs if run.seq in changed]


def _page(template: str, site: Site, **shown: Any) -> str:
    names = {
        "account_file": account_file, "finding_file": finding_file, "rule_file": rule_file,
        "resource_file": resource_file, "resource_name": resource_name,
    }  # fmt: skip
    severities = [each.value for each in reversed(Severity)]
    return pages.render(template, script=SCRIPT, site=site, index=INDEX, severities=severities, **names, **shown)


def resource_name(resource: ResourceName) -> str:
    """Return a resource on one line: its type, project and id."""
    return "/".join(filter(None, (resource.type, resource.project, resource.id)))


def account_file(label: str) -> str:
    """Return the name of an account's page."""
    return f"account-{_digest(label)}.html"


def rule_file(rule_id: str) -> str:
    """Return the name of a rule's page."""
    return f"rule-{_digest(rule_id)}.html"


def resource_file(life: Life) -> str:
    """Return the name of the page of a finding's resource."""
    return f"resource-{_digest(life.account.label, resource_name(life.finding.resource))}.html"


def finding_file(life: Life) -> str:
    """Return the name of a finding's page."""
    return f"finding-{_digest(life.account.label, life.finding.fingerprint)}.html"


def _digest(*names: str) -> str:
    """Return a stable name for a file."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
