"""Histories in real databases: SQLite, and a PostgreSQL that listens on a socket in a temporary folder."""

import datetime as dt
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from northflank_audit.audit.comparison import BaselineComparison
from northflank_audit.audit.recorded_history import HistoryComparison
from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.gate import Gate
from northflank_audit.history import database as database_module
from northflank_audit.history.database import Database
from northflank_audit.history.ledger import record
from northflank_audit.history.past import Holder, read_past
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_book import WaiverBook
from northflank_audit.report import Coverage, Origin, Report, Run, Tool
from tests.conftest import NET, needed, until

HOLDER = Holder("api.northflank.com", "acme")
START = dt.datetime(2026, 1, 1, 6, tzinfo=dt.UTC)
API = Origin(kind="api", url="https://api.northflank.com")
EVERYTHING = Gate()
NOTHING = Coverage()
_NUMBERS = count()


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else needed(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start PostgreSQL. It does not wait for the disk: no test takes the power away."""
    with postgres_server("fsync", "full_page_writes", "synchronous_commit") as socket:
        yield socket


@contextmanager
def postgres_server(*off: str) -> Iterator[str]:
    """Start PostgreSQL with these settings off; it refuses to run as root, so that its own user does."""
    initdb, server = _program("initdb"), _program("postgres")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path is short
    if as_user:
        shutil.chown(folder, "postgres")
    made = [*as_user, initdb, "-D", f"{folder}/data", "-U", "audit", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd="/", timeout=NET)
    settings = [each for name in off for each in ("-c", f"{name}=off")]
    with (
        (folder.parent / f"{folder.name}.log").open("wb") as log,
        subprocess.Popen(
            [*as_user, server, "-D", f"{folder}/data", "-k", str(folder), "-c", "listen_addresses=", *settings],
            stdout=log,
            stderr=log,
            cwd="/",
        ) as process,
    ):
        try:
            until(lambda: (folder / ".s.PGSQL.5432").exists() or process.poll() is not None)
            assert process.poll() is None, Path(log.name).read_text()
            yield str(folder)
        finally:
            process.terminate()
            process.wait(NET)
    shutil.rmtree(folder, ignore_errors=True)
    Path(log.name).unlink()


def postgres_database(socket: str) -> str:
    """Make an empty database, and return its address."""
    name = f"audit{os.getpid()}x{next(_NUMBERS)}"
    address = f"postgresql+psycopg://audit@/{{}}?host={socket}"
    engine = sa.create_engine(address.format("postgres"), isolation_level="AUTOCOMMIT")

    def made() -> bool:
        try:
            with engine.connect() as connection:
                connection.execute(sa.text(f"CREATE DATABASE {name}"))
        except sa.exc.OperationalError:  # it is starting up
            return False
        return True

    until(made)
    engine.dispose()
    return f"postgresql://audit@/{name}?host={socket}"


@pytest.fixture(autouse=True, scope="session")
def _quick_and_patient() -> Iterator[None]:
    """Do not wait for the disk, since no test takes the power away; wait for each other, however long that takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "DURABILITY", "OFF")
        for name in ("LOCK_WAIT", "CONNECT_WAIT", "STATEMENT_WAIT"):
            patch.setattr(database_module, name, int(NET))
        yield


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty history, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    return postgres_database(request.getfixturevalue("postgres"))


@pytest.fixture
def database(url: str) -> Database:
    return Database.of(url)


class Account:
    """Audits made-up resources of an account, one run after another, by the history and by `--compare`."""

    def __init__(self, database: Database | None, holder: Holder = HOLDER) -> None:
        self.database, self.holder = database, holder
        self.reports: list[Report] = []

    def audited(
        self,
        *resources,
        rules,
        at: dt.datetime,
        waivers=(),
        teams=(None,),
        seen=True,
        unread=(),
        past=None,
        baseline=None,
        comparison=None,
        undelivered=False,
        gate=EVERYTHING,
        coverage=NOTHING,
    ) -> Report:
        """Evaluate, compare with the history (else with a baseline), record, and return the report."""
        if self.database is not None:
            with self.database.writing() as connection:
                past = past or read_past(connection, self.holder, teams)
            comparison = HistoryComparison(past)
        elif baseline is not None:
            comparison = BaselineComparison(baseline)
        engine = Engine(list(rules), at)
        totals = VerdictTotals(engine, WaiverBook(list(waivers), at.date()), (), comparison)
        totals.add(engine.evaluate(resources))
        reasons = ([] if seen else ["page 2: 403 Forbidden"]) + (["disk full"] if undelivered else [])
        run = Run(
            id=f"r{os.urandom(8).hex()}",
            started_at=at,
            finished_at=at + dt.timedelta(seconds=2),
            source=replace(API, teams=[team for team in teams if team]),
            complete=not reasons,
            incomplete_reasons=reasons,
            undelivered=["disk full"] if undelivered else [],
        )
        report = totals.report(Tool("t", "1"), run, coverage, [], gate, seen=seen, accounts=list(teams), unread=unread)
        if self.database is not None:
            with self.database.writing() as connection:
                record(connection, report, past, list(teams))
        self.reports.append(report)
        return report


@pytest.fixture
def account(database: Database) -> Account:
    return Account(database)


def states(report: Report) -> dict[str, str]:
    """Return the state of each violation, and what became of each other one."""
    found = {each.resource.id: str(each.state) for each in report.results if each.status == "fail"}
    ended = [*report.resolved_results, *report.unsettled_results]
    return found | {each.resource.id: str(each.became) for each in ended}
