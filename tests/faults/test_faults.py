"""Every case of cases.yaml: a whole audit against the emulator and its fault."""

import json
import re
import time

import pytest

from tests.faults.conftest import CASES, assert_nothing_leaked, key

SAME = ("results", "summary", "rules")


@pytest.fixture(scope="module")
def flawless():
    """What an audit reports that meets no fault; the first test that needs it fills it in."""
    return {}


def check(case, ended, took, server):
    report = ended.report
    reasons, warnings = report["run"]["incompleteReasons"], report["warnings"]
    told = "\n".join([*reasons, *(result["message"] for result in report["results"])])
    assert ended.code == report["exitCode"] == case["exit"], told
    assert report["run"]["complete"] is (case["exit"] != 3)
    assert bool(reasons) is (case["exit"] == 3)
    assert re.search(case.get("says", ""), told), told
    assert re.search(case["warns"], "\n".join(warnings)) if "warns" in case else not warnings, warnings
    assert took >= case.get("lasts", 0)
    coverage, summary = report["coverage"], report["summary"]
    # The time may be up while a request is on its way.
    assert coverage["requests"] - len(server.requests) in ((0, 1) if "--timeout" in case.get("options", ()) else (0,))
    unread = sum(result["resource"]["id"] is None for result in report["results"])
    assert coverage["resources"] * len(report["rules"]) + unread == coverage["results"]
    assert (
        sum(summary[each] for each in ("pass", "fail", "unknown", "error", "notapplicable", "waived"))
        == (coverage["results"])
    )
    for field, found in (("resources", coverage), ("requests", coverage), ("unknown", summary)):
        assert found[field] == case.get(field, found[field])
    for name, mark in (("report.html", ">INCOMPLETE<"), ("report.md", "INCOMPLETE")):
        assert (mark in (ended.folder / "reports" / name).read_text()) is (case["exit"] == 3)
    assert_nothing_leaked(ended)


@pytest.mark.parametrize("case", CASES, ids=key)
def test_a_fault_is_overcome_or_told(case, serve, run, audit, flawless):
    if not flawless:
        flawless.update(run(serve()).report)
    server = serve(case["plan"])
    start = time.monotonic()
    ended = run(server, *case.get("options", ()))
    check(case, ended, time.monotonic() - start, server)
    live = ended.report
    if case["exit"] == 1 and not case.get("differs"):
        assert [live[part] for part in SAME] == [flawless[part] for part in SAME]
    replayed = audit("--rules", "rules.yaml", "--input", "snapshot.json")
    assert replayed.code == ended.code
    assert [replayed.report[part] for part in SAME] == [live[part] for part in SAME]
    assert replayed.report["run"]["complete"] == live["run"]["complete"]
    assert replayed.report["coverage"]["count"] == live["coverage"]["count"]
    saved = json.loads((ended.folder / "snapshot.json").read_text())
    assert saved["source"]["url"] == server.url
    assert len(saved["sha256"]) == 64
