"""The history as static pages: accounts, rules, resources, findings."""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from northflank_audit import typed
from northflank_audit.formats.text import BECAME
from northflank_audit.formats.trend_chart import FEW, Chart, chart
from northflank_audit.history import pages
from northflank_audit.history.lives import Life, lives
from northflank_audit.history.runs import AccountRow, RunRow, account_ids, runs
from northflank_audit.history.schema import BLOBS, RUNS
from northflank_audit.history.statistics import AccountStatistics, statistics
from northflank_audit.model import ResourceName, Severity
from northflank_audit.report import RuleSummary

SCRIPT = "site.js"
INDEX = "index.html"
_PAGE = re.compile(r"(account|finding|rule|resource)-[0-9a-f]{16}\.html")


class AccountPage(NamedTuple):
    """What the pages show about an account."""

    statistics: AccountStatistics
    runs: list[RunRow]
    chart: Chart | None
    sparkline: Chart | None
    """The same, coarser."""
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
    rules: Mapping[str, RuleSummary]
    """Each rule as it last ran, by its id."""


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
            statistics=each,
            runs=own[each.account],
            chart=chart(each.trend),
            sparkline=chart(each.trend, FEW),
            open=_open(of_account[each.account]),
            lives=_open_first(of_account[each.account]),
        )
        for each in figures
    ]
    return Site(now, sorted(shown, key=lambda each: (_worst_first(each.open), each.label)), _rules(connection))


def _rules(connection: sa.Connection) -> dict[str, RuleSummary]:
    last = sa.func.max(RUNS.c.seq)
    query = sa.select(BLOBS.c.text).join(RUNS, RUNS.c.rules == BLOBS.c.digest).group_by(BLOBS.c.digest).order_by(last)
    found: dict[str, RuleSummary] = {}
    for text in connection.execute(query).scalars():
        found |= {rule.id: rule for rule in typed.decode(text, list[RuleSummary])}
    return found


def _open_first(found: Sequence[Life]) -> list[Life]:
    """Return findings in the order in which they matter: open, waived, resolved; each the worst first."""
    return sorted(found, key=lambda life: (not life.open, life.waiver is not None))


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
            yield finding_file(life), _page("site-finding.html.j2", site, script=None, life=life)
    every = [life for account in site.accounts for life in account.lives]
    for rule, found in _grouped(every, lambda life: life.finding.rule_id):
        shown = {"id": rule, "rule": site.rules.get(rule), "lives": _open_first(found)}
        yield rule_file(rule), _page("site-rule.html.j2", site, **shown)
    for (label, name), found in _grouped(
        every, lambda life: (life.account.label, resource_name(life.finding.resource))
    ):
        shown = {"label": label, "name": name, "lives": _open_first(found)}
        yield resource_file(found[0]), _page("site-resource.html.j2", site, **shown)


def is_page(name: str) -> bool:
    """Return whether a file has a name that only pages of a site have, except for its first page."""
    return _PAGE.fullmatch(name) is not None


def _grouped(found: Sequence[Life], key: Any) -> Iterator[tuple[Any, list[Life]]]:
    for name, group in groupby(sorted(found, key=key), key=key):
        yield name, list(group)


def _page(template: str, site: Site, *, script: str | None = SCRIPT, **shown: Any) -> str:
    return pages.render(
        template, script=script, site=site, index=INDEX, files=_FILES, became=BECAME, severities=_SEVERITIES, **shown
    )


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


_FILES: Final = {
    "account": account_file, "finding": finding_file, "rule": rule_file, "resource": resource_file,
    "name": resource_name,
}  # fmt: skip
_SEVERITIES: Final = [each.value for each in reversed(Severity)]
