"""A part of a fleet has targets that depend on their names alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.fleet.shards import Part
from tests.fleet.conftest import TEAMS, outcomes_of


@given(name=st.text(max_size=20), of=st.integers(1, 50))
def test_each_target_is_in_exactly_one_part(name, of):
    assert sum(Part(number, of).has(name) for number in range(1, of + 1)) == 1


def test_parts_stay_the_same_in_later_versions():
    assert [[number for number in range(1, 5) if Part(number, 4).has(name)] for name in ("acme", "globex")] == [
        [1],
        [4],
    ]


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1", "1/0", "01/4", "-1/4", "1/4/2", "a/b"])
def test_other_texts_are_no_part(text):
    with pytest.raises(ValueError, match="is not I/N"):
        Part.parsed(text)


@pytest.mark.usefixtures("in_threads")
def test_parts_run_each_target_once_and_an_empty_one_is_green(fleet, everyone, tmp_path):
    names, codes = [], set()
    for number in range(1, 5):
        codes.add(fleet(everyone, "--shard", f"{number}/4", "--output-dir", f"part-{number}").code)
        report = json.loads((tmp_path / f"part-{number}/fleet.json").read_bytes())
        assert (report["shard"]["part"], report["shard"]["of"]) == (number, 4)
        names += outcomes_of(tmp_path / f"part-{number}/fleet.json")
    assert sorted(names) == [f"customer-{team}" for team in TEAMS]
    empty = next(number for number in range(1, 100) if not any(Part(number, 99).has(name) for name in names))
    assert fleet(everyone, "--shard", f"{empty}/99").code == 0
