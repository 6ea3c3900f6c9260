"""A year of daily runs in SQLite and in PostgreSQL: sizes, times, and how they grow; the site of twenty such years."""

import datetime as dt
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from measuring import ROOT, compared, show, timed

from northflank_audit.history.database import Database, _engine
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import pack_files
from northflank_audit.history.past import Holder
from northflank_audit.history.site import read_site, site_files
from northflank_audit.history.statistics import statistics
from northflank_audit.report import Report
from tests.conftest import resource, rule
from tests.history.conftest import START, Account, postgres_database, postgres_server

DAY = dt.timedelta(days=1)
DAYS = 365
FEW = 30
RESOURCES = 2000
ACCOUNTS = 20
ROUNDS = 5
FILES = Holder("input", "")
"""The holder of what `--input` audits."""
RULE = {"id": "open", "title": "T", "require": "!credential.open", "severity": "high", "controls": {"soc2": ["CC6.1"]}}
OPEN = rule(**RULE)
SEVERITIES = ("critical", "high", "medium", "low", "info")
RULES = [rule(id=f"is-{each}", require=f"!credential.{each}", severity=each) for each in SEVERITIES]


def opened(number: int, day: int) -> bool:
    """Tell whether a resource is violated on a day: one in ten, each for three months; some twenty change in a week."""
    return number % 10 == 0 and (day + number) // 90 % 2 == 0


def records(day: int) -> list[dict[str, Any]]:
    return [{"id": f"c{number}", "name": f"C {number}", "open": opened(number, day)} for number in range(RESOURCES)]


def audited(database: Database | None, day: int) -> Report:
    found = [resource(**each) for each in records(day)]
    return Account(database, FILES).audited(*found, rules=[OPEN], at=START + day * DAY)


def took(what: Callable[[], Any]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def year(scratch: str) -> None:
    with postgres_server() as socket:
        for name, made in (
            ("SQLite", lambda days: str(Path(scratch) / f"{days}.db")),
            ("PostgreSQL", lambda _days: postgres_database(socket)),
        ):
            _measure(name, made(FEW), made(DAYS), scratch)


def _measure(name: str, few_url: str, many_url: str, scratch: str) -> None:
    few, many = Database.of(few_url), Database.of(many_url)
    for database, days in ((few, FEW), (many, DAYS)):
        for day in range(days):
            audited(database, day)
        database.compact()
    few_size, many_size = _size(few), _size(many)
    further, report = (many_size - few_size) / (DAYS - FEW), len(msgspec.json.encode(audited(None, DAYS)))
    print(f"{name}: {few_size / 1024:.0f} KiB after {FEW} runs, {many_size / 1024:.0f} KiB after {DAYS}; "
          f"{further / 1024:.2f} KiB for each further run, {further / report:.3f} of its report.json")  # fmt: skip
    _in_turn(f"{name}: recording a run", audited, many, few)
    _in_turn(f"{name}: stats", _stats, many, few)
    _in_turn(f"{name}: evidence of {FEW} days", _evidence, many, few)
    (Path(scratch) / "in.json").write_text(json.dumps({"credentials": records(DAYS)}))
    (Path(scratch) / "rules.yaml").write_text(json.dumps({"rules": [{**RULE, "resource": "registry-credential"}]}))
    audit = [sys.executable, str(ROOT / "audit.py"), "--input", "in.json", "--rules", "rules.yaml", "--quiet"]
    with_it, without, ratio = compared(
        lambda: timed([*audit, "--history", many_url], scratch, (1,)), lambda: timed(audit, scratch, (1,)), ROUNDS
    )
    show(f"{name}: a whole audit with --history after {DAYS} runs against one without", with_it, without, ratio, "≤ 2")


def _in_turn(what: str, step: Callable[[Database, int], Any], many: Database, few: Database) -> None:
    def once(database: Database, days: int) -> float:
        _engine.cache_clear()  # as in a process that does this once
        return took(lambda: step(database, days - 1))

    mine, other, ratio = compared(lambda: once(many, DAYS), lambda: once(few, FEW), ROUNDS)
    show(f"{what} after {DAYS} runs against after {FEW}", mine, other, ratio, "≤ 3")


def _stats(database: Database, day: int) -> None:
    with database.reading() as connection:
        statistics(connection, START + (day + 1) * DAY, every=DAY)


def _evidence(database: Database, day: int) -> None:
    now = START + (day + 1) * DAY
    with database.reading() as connection:
        pack_files(evidence(connection, (now - FEW * DAY).date(), now.date(), now=now, version="1"))


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
    """Record a year of runs over eighty resources, of which some fifty violations come, go and come back."""
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
