"""A year of daily runs in SQLite and in PostgreSQL: sizes, times, and how they grow; the site of twenty such years."""

import datetime as dt
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from measuring import show

from northflank_audit.history.database import Database
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import pack_files
from northflank_audit.history.site import read_site, site_files
from northflank_audit.history.statistics import statistics
from tests.conftest import resource, rule
from tests.history.conftest import START, Account, postgres_database, postgres_server

DAY = dt.timedelta(days=1)
DAYS = 365
FEW = 30
RESOURCES = 2000
ACCOUNTS = 20
OPEN = rule(id="open", require="!credential.open", severity="high", controls={"soc2": ["CC6.1"]})
SEVERITIES = ("critical", "high", "medium", "low", "info")
RULES = [rule(id=f"is-{each}", require=f"!credential.{each}", severity=each) for each in SEVERITIES]


class Figures(NamedTuple):
    """What is measured after some runs; times in seconds, each the median of three."""

    size: int
    """Bytes of the database."""
    added: float
    """A run with the history."""
    plain: float
    """The same run without."""
    stats: float
    evidence: float


def opened(number: int, day: int) -> bool:
    """Tell whether a resource is violated on a day: one in ten, each for three months; some twenty change in a week."""
    return number % 10 == 0 and (day + number) // 90 % 2 == 0


def audited(account: Account, day: int) -> Any:
    found = [resource(id=f"c{number}", name=f"C {number}", open=opened(number, day)) for number in range(RESOURCES)]
    return account.audited(*found, rules=[OPEN], at=START + day * DAY)


def took(what: Callable[[], Any]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def year(scratch: str) -> None:
    with postgres_server() as socket:
        databases = {
            "SQLite": Database.of(str(Path(scratch) / "history.db")),
            "PostgreSQL": Database.of(postgres_database(socket)),
        }
        measured = {name: _year(database) for name, database in databases.items()}
    report = len(msgspec.json.encode(audited(Account(None), DAYS)))
    for name, (few, many) in measured.items():
        further = (many.size - few.size) / (DAYS - FEW)
        print(f"{name}: {few.size / 1024:.0f} KiB after {FEW} runs, {many.size / 1024:.0f} KiB after {DAYS}; "
              f"{further / 1024:.2f} KiB for each further run, {further / report:.3f} of its report.json")  # fmt: skip
        show(
            f"{name}: a run with the history against one without",
            many.added,
            many.plain,
            many.added / many.plain,
            "≤ 2",
        )
        for what in ("stats", "evidence"):
            then, now = getattr(few, what), getattr(many, what)
            show(f"{name}: {what} after {DAYS} runs against after {FEW}", now, then, now / then, "≤ 3")
        extra = max(0.0001, few.added - few.plain), max(0.0001, many.added - many.plain)
        show(f"{name}: what a run takes more after {DAYS} runs against after {FEW}", *reversed(extra), extra[1] / extra[0], "≤ 3")  # fmt: skip


def _year(database: Database) -> tuple[Figures, Figures]:
    """Record a year of runs, and return the figures after 30 and after 365."""
    account, figures = Account(database), []
    for day in range(DAYS):
        audited(account, day)
        if day + 1 in (FEW, DAYS):
            figures.append(_figures(account, day))
    return figures[0], figures[1]


def _figures(account: Account, day: int) -> Figures:
    assert account.database is not None
    database, without, now = account.database, Account(None), START + (day + 1) * DAY

    def stats() -> None:
        with database.reading() as connection:
            statistics(connection, now, every=DAY)

    def pack() -> None:
        with database.reading() as connection:
            pack_files(evidence(connection, (now - FEW * DAY).date(), now.date(), now=now, version="1"))

    database.compact()
    size = _size(database)
    steps = (lambda: audited(account, day), lambda: audited(without, day), stats, pack)
    return Figures(size, *(median(took(step) for _ in range(3)) for step in steps))


def _size(database: Database) -> int:
    """Return the bytes of the tables and their indexes."""
    if database.file is not None:
        return database.file.stat().st_size
    total = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    with database.reading() as connection:
        return int(connection.execute(sa.text(total + "WHERE nspname = 'public' AND relkind = 'r'")).scalar_one())


def site(scratch: str) -> None:
    """Write the pages of one account, and of twenty with 365 runs each."""
    database = Database.of(str(Path(scratch) / "site.db"))
    times = {}
    for number in range(ACCOUNTS):
        _drifting(Account(database), f"team-{number}")
        if number + 1 in (1, ACCOUNTS):
            started = time.perf_counter()
            with database.reading() as connection:
                pages = [text for _, text in site_files(read_site(connection, START + DAYS * DAY, every=DAY))]
            times[number + 1] = time.perf_counter() - started
            size, longest = sum(map(len, pages)), max(map(len, pages))
            print(f"{number + 1} accounts: {len(pages)} pages, {size / 2**20:.1f} MiB together, "
                  f"{size / len(pages) / 1024:.0f} KiB on average, {longest / 1024:.0f} KiB at most")  # fmt: skip
    show(
        f"the site of {ACCOUNTS} accounts against that of one",
        times[ACCOUNTS],
        times[1],
        times[ACCOUNTS] / times[1],
        "≤ 25",
    )


def _drifting(account: Account, team: str) -> None:
    """Record a year of runs over eighty resources, of which some hundred violations come, go and come back."""
    spans = random.Random(team)
    violated = [
        (name, field, begin, begin + spans.choice([3, 14, 40, 120, 500]))
        for name in range(80)
        for field in SEVERITIES
        if spans.random() < 0.12
        for begin in [spans.randrange(-200, DAYS)]
    ]
    for day in range(DAYS):
        open_now = {(name, field) for name, field, begin, end in violated if begin <= day < end}
        found = [
            resource(
                id=f"c{name}", name=f"C {name}", team=team, **{each: (name, each) in open_now for each in SEVERITIES}
            )
            for name in range(80)
        ]
        account.audited(*found, rules=RULES, at=START + day * DAY, teams=(team,), seen=day % 53 != 9)
        account.reports.clear()
