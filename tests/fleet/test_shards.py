"""Parts of a fleet: which target is in which, and what can be joined."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.errors import StartError
from northflank_audit.fleet.fleet_report import FleetReport, FleetRun, Shard, digest_of, not_started
from northflank_audit.fleet.shards import Part, merged
from northflank_audit.report import Tool

NAMES = [f"target-{number}" for number in range(40)]
START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
TOOL = Tool("northflank-audit", "1.0")


def part(number, of, names=NAMES, hours=0):
    """Return the report of a part, whose targets could not start."""
    begun = START + dt.timedelta(hours=hours)
    run = FleetRun(id=f"run-{number}", started_at=begun, finished_at=begun + dt.timedelta(minutes=1))
    own = [name for name in names if Part(number, of).has(name)]
    shard = Shard(part=number, of=of, names=digest_of(names))
    return FleetReport.of(TOOL, run, [not_started(name, "no token", run) for name in own], shard)


def parts(of, names=NAMES):
    return [(f"s{number}", part(number, of, names, hours=number)) for number in range(1, of + 1)]


@given(st.sets(st.text("abc-._9", min_size=1, max_size=8), max_size=30), st.integers(1, 9), st.text("xyz", min_size=1))
def test_each_target_is_in_one_part_and_stays_there_when_others_are_added(names, of, other):
    where = {name: [number for number in range(1, of + 1) if Part(number, of).has(name)] for name in names}
    assert all(len(numbers) == 1 for numbers in where.values())
    assert {name: [number for number in range(1, of + 1) if Part(number, of).has(name)] for name in {*names, other}} | (
        where
    ) == {**where, other: [number for number in range(1, of + 1) if Part(number, of).has(other)]}


def test_parts_are_of_similar_size_and_never_move():
    sizes = [sum(Part(number, 4).has(f"t{index}") for index in range(4000)) for number in range(1, 5)]
    assert sum(sizes) == 4000
    assert min(sizes) > 900
    assert [name for name in NAMES[:10] if Part(1, 3).has(name)] == [
        f"target-{number}" for number in (1, 2, 3, 5, 7, 8, 9)
    ]


@pytest.mark.parametrize("text", ["0/2", "3/2", "1/0", "a/2", "1", "1/2/3", "", "-1/2", "1/٣", "01/2"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ValueError, match="is not I/N"):
        Part.parsed(text)


def test_parts_join_to_the_whole_whatever_their_order():
    whole = merged(parts(4), "run")
    assert whole == merged(parts(4)[::-1], "run")
    assert sorted(each.name for each in whole.targets) == sorted(NAMES)
    assert (whole.exit_code, whole.shard) == (3, UNSET)
    assert whole.run == FleetRun(
        id="run", started_at=START + dt.timedelta(hours=1), finished_at=START + dt.timedelta(hours=4, minutes=1)
    )
    assert merged(parts(1), "run").targets == whole.targets or len(merged(parts(1), "run").targets) == 40


def with_(report, **changes):
    return replace(report, **changes)


def lasting(report, later, hours=0):
    """Return the report of a run that began so many hours later, and lasted so much longer."""
    began, ended = (each + dt.timedelta(hours=later) for each in (report.run.started_at, report.run.finished_at))
    return with_(report, run=replace(report.run, started_at=began, finished_at=ended + dt.timedelta(hours=hours)))


WRONG = {
    "a part is missing": (lambda: parts(3)[:2], "of 3 parts, part 3 is missing"),
    "two parts are missing": (lambda: parts(3)[:1], "of 3 parts, parts 2 and 3 are missing"),
    "a part comes twice": (lambda: [*parts(2), parts(2)[0]], "s1 and s1 are both part 1 of 2"),
    "other sizes": (lambda: [parts(2)[0], parts(3)[1]], "s2: a part of 3, and s1 is a part of 2"),
    "another fleet": (lambda: [parts(2)[0], parts(2, NAMES[1:])[1]], "parts of different fleets"),
    "a whole fleet": (lambda: [("s1", with_(part(1, 1), shard=UNSET))], "the report of a whole fleet"),
    "another version": (
        lambda: [parts(2)[0], ("s2", with_(part(2, 2), tool=Tool("northflank-audit", "2.0")))],
        "s2: by version 2.0, and s1 by version 1.0",
    ),
    "an earlier run's part": (
        lambda: [(place, lasting(report, -24 if place == "s2" else 0)) for place, report in parts(3)],
        r"s2 ended on .* UTC, hours before s1 began on .* UTC: run all parts together",
    ),
    "a later run's part": (
        lambda: [(place, lasting(report, 7 if place == "s3" else 0)) for place, report in parts(3)],
        r"s2 ended on .* UTC, hours before s3 began",
    ),
    "a target lacks": (
        lambda: [parts(2)[0], ("s2", with_(part(2, 2), targets=part(2, 2).targets[1:]))],
        "the parts lack targets",
    ),
    "a target comes twice": (
        lambda: [parts(2)[0], ("s2", with_(part(2, 2), targets=[*part(2, 2).targets, part(1, 2).targets[0]]))],
        "is in several parts: s1 and s2",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_gaps_and_overlaps_are_refused(case):
    make, message = WRONG[case]
    with pytest.raises(StartError, match=message):
        merged(make(), "run")


def test_parts_may_take_days_one_after_the_other_or_side_by_side():
    some = [lasting(report, 12 * number, 10) for number, (_, report) in enumerate(parts(4))]
    assert merged([(f"s{each.shard.part}", each) for each in some], "run").exit_code == 3
    (one, first), *others = parts(4)
    late = [(place, lasting(report, 30)) for place, report in others]
    assert merged([*late, (one, lasting(first, 0, 30))], "run").exit_code == 3


def test_a_part_without_targets_is_green_and_is_no_gap():
    few = ["target-2"]
    empty = [report for _, report in parts(3, few) if not report.targets]
    assert len(empty) == 2
    assert {report.exit_code for report in empty} == {0}
    assert [each.name for each in merged(parts(3, few), "run").targets] == few


def test_parts_without_any_target_are_no_fleet():
    with pytest.raises(StartError, match="none of the parts has a target"):
        merged(parts(2, []), "run")
