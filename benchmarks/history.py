"""A year of daily runs over 2,000 resources in SQLite: size of a run, time of one more, of questions and evidence."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import show

from northflank_audit.history.database import Database
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import pack_files
from northflank_audit.history.site import read_site, site_files
from northflank_audit.history.statistics import statistics
from tests.conftest import resource, rule
from tests.history.conftest import START, Account

DAY = dt.timedelta(days=1)
RESOURCES = 2000
OPEN = rule(id="open", require="!credential.open", severity="high", controls={"soc2": ["CC6.1"]})


def opened(number: int, day: int) -> bool:
    """Tell whether a resource is violated on a day: one in ten, each for three months; some twenty change in a week."""
    return number % 10 == 0 and (day + number) // 90 % 2 == 0


def audited(account: Account, day: int) -> None:
    found = [resource(id=f"c{number}", name=f"C {number}", open=opened(number, day)) for number in range(RESOURCES)]
    account.audited(*found, rules=[OPEN], at=START + day * DAY)


def took(what: Callable[[], Any]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def year(scratch: str) -> None:
    database = Database.of(str(Path(scratch) / "history.db"))
    account, without = Account(database), Account(None)
    sizes: dict[int, int] = {}
    figures: dict[int, tuple[float, float, float]] = {}
    for day in range(365):
        audited(account, day)
        if day + 1 in (30, 365):
            database.compact()
            sizes[day + 1] = Path(scratch, "history.db").stat().st_size
            figures[day + 1] = (_added(account, without, day), *_questions(database, day))
    print(f"size after 30 and 365 runs: {sizes[30] / 1024:.0f} and {sizes[365] / 1024:.0f} KiB; "
          f"{(sizes[365] - sizes[30]) / 335 / 1024:.2f} KiB for each further run")  # fmt: skip
    for index, what in enumerate(("what a run takes more with a history", "stats", "evidence of the last 30 days")):
        show(f"{what}, after 365 runs against after 30", figures[365][index], figures[30][index],
             figures[365][index] / figures[30][index], "≤ 3")  # fmt: skip
    with database.reading() as connection:
        site = read_site(connection, START + 365 * DAY)
        pages = dict(site_files(site))
    print(f"site: {len(pages)} pages, {sum(map(len, pages.values())) / 2**20:.1f} MiB")


def _added(account: Account, without: Account, day: int) -> float:
    """Return the seconds that the history adds to a run, of three."""
    own = sorted(took(lambda: audited(account, day)) for _ in range(3))[1]
    return max(0.0001, own - sorted(took(lambda: audited(without, day)) for _ in range(3))[1])


def _questions(database: Database, day: int) -> tuple[float, float]:
    now = START + (day + 1) * DAY

    def stats() -> None:
        with database.reading() as connection:
            statistics(connection, now, every=DAY)

    def pack() -> None:
        with database.reading() as connection:
            pack_files(evidence(connection, (now - 30 * DAY).date(), now.date(), now=now, version="1"))

    return sorted(took(stats) for _ in range(3))[1], sorted(took(pack) for _ in range(3))[1]
