"""Runs that remember, as processes: a database, the gate over it, and the commands about it."""

import hashlib
import json
import re
import sqlite3

RECORD = {"id": "a", "name": "A", "provider": "dockerhub", "restrictions": {"restricted": False, "projects": []}}
RULE = """
rules:
  - {id: unrestricted, title: Restricted, severity: high, require: credential.restrictions.restricted}
"""


def listing(*names: str) -> str:
    credentials = [{**RECORD, "id": name, "name": name} for name in names]
    return json.dumps({"data": {"credentials": credentials}, "pagination": {"hasNextPage": False, "count": len(names)}})


def test_a_job_remembers_its_runs_and_answers_for_them(audit, tmp_path):
    (tmp_path / "rules.yaml").write_text(RULE)
    common = ("--input", "-", "--rules", "rules.yaml", "--history", "history.db")
    first = audit(*common, "--fail-on-new", stdin=listing("a"))
    assert first.code == 1, first.err
    again = audit(*common, "--fail-on-new", stdin=listing("a"))
    assert again.code == 1, "a second try must not turn the gate green"
    assert [each["state"] for each in again.report["results"]] == ["ongoing"]
    later = audit(*common, "--fail-on-new", "--new-for", "1s", stdin=listing("a", "b"))
    assert later.code == 1
    assert [each["state"] for each in later.report["results"]] == ["ongoing", "new"]
    assert len(later.report["trend"]) == 3
    assert audit(*common, "--output-dir", "other", stdin=listing("b")).code == 1

    environment = {"NORTHFLANK_AUDIT_HISTORY": "history.db"}
    runs = json.loads(audit("history", "runs", "--json", **environment).out)["runs"]
    assert [run["exitCode"] for run in runs] == [1, 1, 1, 1]
    fingerprint = later.report["results"][0]["fingerprint"]
    life = audit("history", "finding", fingerprint[:8], **environment)
    assert re.findall(r"UTC  (\w+)", life.out) == ["opened", "gone"]
    changed = audit("history", "diff", runs[0]["id"], "latest", **environment)
    assert re.findall(r"^  (\w+) +high", changed.out, re.MULTILINE) == ["gone", "new"]
    assert audit("history", "stats", "--expect", "every=1h", **environment).code == 0
    with sqlite3.connect(tmp_path / "history.db") as connection:
        connection.execute("UPDATE run SET started_at = datetime(started_at, '-3 days')")
    missed = audit("history", "stats", "--expect", "every=24h", **environment)
    assert (missed.code, "missing: 2 runs" in missed.out) == (1, True)


def test_the_evidence_says_what_its_files_are(audit, tmp_path):
    (tmp_path / "rules.yaml").write_text(RULE)
    audit("--input", "-", "--rules", "rules.yaml", "--history", "history.db", stdin=listing("a"))
    days = ("--from", "2026-01-01", "--to", "2999-01-01")
    done = audit("history", "evidence", *days, "--output", "evidence", "--history", "history.db")
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "evidence/manifest.json").read_text())
    files = {each["name"]: each["sha256"] for each in manifest["files"]}
    assert {*files, "manifest.json"} == {path.name for path in (tmp_path / "evidence").iterdir()}
    for name, digest in files.items():
        assert hashlib.sha256((tmp_path / "evidence" / name).read_bytes()).hexdigest() == digest
    site = audit("history", "site", "--output", "site", "--history", "history.db")
    assert (tmp_path / "site/index.html").is_file(), site.err
    nothing = audit(
        "history", "evidence", "--from", "2001-01-01", "--to", "2001-01-02", "--output", "x", "--history", "history.db"
    )
    assert (nothing.code, "no run took place" in nothing.err) == (2, True)
    assert not (tmp_path / "x").exists()


def test_a_database_that_is_down_costs_no_report(audit, tmp_path):
    (tmp_path / "rules.yaml").write_text(RULE)
    url = "postgresql://audit:s3cret-word@127.0.0.1:1/audit"
    done = audit("--input", "-", "--rules", "rules.yaml", "--history", url, stdin=listing("a"))
    assert done.code == 3
    assert "Connection refused" in done.report["run"]["incompleteReasons"][0]
    assert len(done.report["results"]) == 1
    texts = [path.read_text() for path in (tmp_path / "reports").iterdir()]
    assert not any("s3cret-word" in text for text in [*texts, done.out, done.err])
    (tmp_path / "audit.yaml").write_text(f"history: {url}\n")
    found = audit("--input", "-", "--rules", "rules.yaml", stdin=listing("a"))
    assert (found.code, "s3cret-word" in found.err) == (2, False)
    shown = audit("config", "show", "--config", "audit.yaml")
    assert "s3cret-word" not in shown.out + shown.err


def test_a_report_that_fails_amends_the_run(audit, tmp_path):
    (tmp_path / "rules.yaml").write_text(RULE)
    (tmp_path / "file").write_text("")
    done = audit(
        "--input",
        "-",
        "--rules",
        "rules.yaml",
        "--history",
        "history.db",
        "--output",
        "csv=file/report.csv",
        stdin=listing("a"),
    )
    assert done.code == 3
    (run,) = json.loads(audit("history", "runs", "--json", "--history", "history.db").out)["runs"]
    assert (run["exitCode"], run["complete"]) == (3, False)
    assert run["run"]["undelivered"]
