"""Whole audits that are killed (SIGKILL) at random moments, one after another over the same history."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

from northflank_audit.emulator.accounts import load
from northflank_audit.emulator.fault_plan import Plan
from northflank_audit.emulator.server import Emulator
from northflank_audit.history.database import Database
from northflank_audit.history.lives import lives
from northflank_audit.history.runs import account_ids, runs
from tests.conftest import AUDIT, KEPT, NET, until

KILLS = 12
RECORDS = 200
PAGE = 100
RULE = "rules: [{id: open, title: Open, severity: high, require: \"credential.provider == 'github'\"}]"


def emulator(path, day):
    """Return a slow emulator with many credentials, a third of which differ from one day to the next."""
    records = [
        {"id": f"c{each}", "name": f"C {each}", "provider": "gitlab" if (each + day) % 3 else "github"}
        for each in range(RECORDS)
    ]  # fmt: skip
    path.write_text(json.dumps({"credentials": records}))
    return Emulator(load(str(path)), Plan(latency=0.02, rate_limit=10_000))


def whole(folder):
    """Check everything that a run writes against each other, and return how many runs are recorded."""
    with closing(sqlite3.connect(folder / "history.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    database = Database.of(str(folder / "history.db"))
    with database.reading() as connection:
        found, all_lives = runs(connection), lives(connection, account_ids(connection))
    assert found[-1].accounts[0].open["high"] == sum(each.open for each in all_lives)
    for run in found:
        (counts,) = run.accounts
        changes = [change.kind for life in all_lives for change in life.changes if change.number == run.seq]
        assert counts.new == sum(kind in ("opened", "reopened") for kind in changes)
        assert counts.resolved == changes.count("fixed")
        assert counts.open["high"] == run.summary.fail
    for path in (folder / "reports").glob("report.json"):
        json.loads(path.read_bytes())
    return len(found)


def test_after_each_kill_the_history_is_whole(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULE)
    moments = random.Random(15)
    command = [sys.executable, str(AUDIT), "--rules", "rules.yaml", "--history", "history.db", "--page-size", str(PAGE)]
    environment = {name: os.environ[name] for name in KEPT & os.environ.keys()}

    log = tmp_path / "history.db-wal"

    def started(server):
        there = {"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url}
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment | there, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def read(server, before):
        """Wait until an audit has sent its last request."""
        until(lambda: len(server.requests) - before >= requests or audit.poll() is not None)

    with emulator(tmp_path / "a.json", 0) as one, emulator(tmp_path / "b.json", 1) as other:
        audit, requests = started(one), 1 + RECORDS // PAGE
        read(one, 0)
        began = time.monotonic()
        assert audit.wait(NET) == 1
        assert len(one.requests) == requests
        rest, counts, codes = time.monotonic() - began, [whole(tmp_path)], []
        for number in range(KILLS):
            server = (other, one)[number % 2]
            before = len(server.requests)
            audit = started(server)
            longest = rest
            if number % 4:  # while it evaluates, records, or writes its reports
                read(server, before)
            if number % 2:  # when something of its run is on the disk
                while audit.poll() is None and not _size(log):
                    pass
                longest = rest / 20
            time.sleep(moments.random() * longest)
            audit.kill()
            codes.append(audit.wait(NET))
            counts.append(whole(tmp_path))
            assert counts[-1] - counts[-2] in (0, 1)
        assert -9 in codes
        assert started(one).wait(NET) == 1
        assert started(other).wait(NET) == 1
    assert whole(tmp_path) == counts[-1] + 2


def _size(path):
    with suppress(OSError):
        return path.stat().st_size
    return 0
