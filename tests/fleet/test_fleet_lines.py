"""The summary on the terminal: the verdict, the worst targets, and where all of them are."""

import click
from msgspec.structs import replace

from northflank_audit.fleet.fleet_lines import lines
from northflank_audit.printable import printable_lines
from tests.fleet.fleets import fleet_of, incomplete, mixed, passed, target, violated


def plain(*arguments):
    return [click.unstyle(each) for each in lines(*arguments)]


def test_it_says_what_was_found_the_worst_first():
    report = replace(mixed(), undelivered=["reports/fleet.md could not be written"])
    assert plain(report, ["reports/fleet.html"], ["mail: to ops@example.com"]) == [
        (
            "INCOMPLETE  2 of 5 targets could not be audited completely (1 could not start); "
            "so far there are 4 violations on 2 of 5 targets"
        ),
        "  not delivered: reports/fleet.md could not be written",
        "",
        "not started   delta    token-env: the variable DELTA is not set",
        "incomplete    charlie  GET /v1/projects: 403 Forbidden (and 1 more reason); 1 violation so far: 1 high; 6 unknown",
        "violated      bravo    3 violations: 2 critical, 1 low",
        "inconclusive  echo     nothing could be evaluated; 2 unknown",
        "",
        (
            "5 targets: 1 not started, 1 incomplete, 1 violated, 1 inconclusive, 1 passed; "
            "4 violations (2 critical, 1 high, 1 low)"
        ),
        "reports: reports/fleet.html",
        "mail: to ops@example.com",
        "exit code 3",
    ]


def test_it_lists_twenty_at_most_and_none_that_passed():
    report = fleet_of(*(target(f"bad-{n:02}", {"data": violated(1)}) for n in range(23)), *passed(9).targets)
    told = plain(report, ["r/fleet.json", "r/fleet.html"])
    assert sum(line.startswith("violated ") for line in told) == 20
    assert "… and 3 more, in r/fleet.html" in told
    assert plain(passed(2), [])[1:] == [
        "",
        "2 targets: 0 not started, 0 incomplete, 0 violated, 0 inconclusive, 2 passed; 0 violations",
        "exit code 0",
    ]


def test_a_reason_is_no_command():
    said = "\n".join(plain(fleet_of(incomplete("a", "x\n::error::\x1b]0;x\x07\u202e" + "y" * 9999)), []))
    assert "\n::error" not in printable_lines(said)
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
    assert max(map(len, said.splitlines())) < 450
