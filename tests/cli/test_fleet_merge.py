"""`fleet --shard` and `fleet merge`: parts give what the whole fleet gives."""

import json

import pytest

SAVED = {"data": {"credentials": []}, "pagination": {"hasNextPage": False, "count": 0}}
NAMES = [f"target-{number}" for number in range(6)]


def credential(number, *, restricted):
    given = {"restricted": restricted, "projects": ["p"]}
    return {"id": f"c{number}", "name": f"C{number}", "provider": "github", "description": "", "restrictions": given}


@pytest.fixture
def fleet(tmp_path):
    """A fleet of saved lists: one green, one that is missing, the others violated."""
    for number, name in enumerate(NAMES[:-1]):
        found = [credential(each, restricted=number == 0) for each in range(number)]
        saved = {**SAVED, "data": {"credentials": found}, "pagination": {"hasNextPage": False, "count": number}}
        (tmp_path / f"{name}.json").write_text(json.dumps(saved))
    targets = [{"name": name, "input": [f"{name}.json"]} for name in NAMES]
    defaults = {"rule": "registry-credential-unrestricted", "format": "json,html"}
    (tmp_path / "fleet.yaml").write_text(json.dumps({"defaults": defaults, "targets": targets}))
    return tmp_path


def settled(path):
    """Return a fleet's report without what depends on the run."""
    report = json.loads(path.read_text())
    for each in (report, *report["targets"]):
        del each["run"]
    return report


def test_parts_give_the_report_of_the_whole(fleet, audit):
    whole = audit("fleet", "fleet.yaml", "--output-dir", "whole", "--jobs", "2")
    parts = [
        audit("fleet", "fleet.yaml", "--shard", f"{n}/3", "--output-dir", f"s{n}", "--jobs", "1") for n in (1, 2, 3)
    ]
    assert whole.code == 3
    assert sum("target" in each.out for each in parts) == 3
    joined = audit("fleet", "merge", "s3", "s1", "s2", "--output-dir", "joined")
    assert joined.code == 3
    assert settled(fleet / "joined/fleet.json") == settled(fleet / "whole/fleet.json")
    assert (fleet / "joined/fleet.json").read_text().count('"shard"') == 0
    for target in settled(fleet / "joined/fleet.json")["targets"]:
        for path in target["reports"].values():
            copies = [each / path for each in fleet.glob("s?") if (each / path).exists()]
            assert [each.read_bytes() for each in copies] == [(fleet / "joined" / path).read_bytes()]
    (fleet / "blocked").mkdir()
    (fleet / "blocked/target-1").touch()
    blocked = audit("fleet", "merge", "s1", "s2", "s3", "--output-dir", "blocked")
    assert (blocked.code, "target-1: the reports could not be copied" in blocked.out) == (3, True)
    told = settled(fleet / "blocked/fleet.json")
    assert told["targets"] == settled(fleet / "whole/fleet.json")["targets"], "the others lose nothing"
    assert ["target-1" in each for each in told["undelivered"]] == [True]
    (fleet / "linked/other").mkdir(parents=True)
    for name in ("target-1", "target-2"):
        (fleet / "linked" / name).symlink_to("other")
    linked = audit("fleet", "merge", "s1", "s2", "s3", "--output-dir", "linked")
    assert (linked.code, "have the same folder in linked" in linked.err) == (2, True)
    assert not any((fleet / "linked/other").iterdir())


def test_what_lacks_or_overlaps_is_refused_and_writes_nothing(fleet, audit):
    for number in (1, 2):
        audit("fleet", "fleet.yaml", "--shard", f"{number}/2", "--output-dir", f"s{number}", "--jobs", "1")
    gap = audit("fleet", "merge", "s1", "--output-dir", "out")
    assert (gap.code, "part 2 is missing" in gap.err) == (2, True)
    twice = audit("fleet", "merge", "s1", "s1", "--output-dir", "out")
    assert (twice.code, "both part 1 of 2" in twice.err) == (2, True)
    own = audit("fleet", "merge", "s1", "s2", "--output-dir", "s1")
    assert (own.code, "another folder" in own.err) == (2, True)
    none = audit("fleet", "merge", "s1", "none", "--output-dir", "out")
    assert (none.code, "none/fleet.json: can't be read" in none.err) == (2, True)
    lost = next(each for each in settled(fleet / "s1/fleet.json")["targets"] if each["report"])
    (fleet / "s1" / lost["report"]).unlink()
    lacking = audit("fleet", "merge", "s1", "s2", "--output-dir", "out")
    assert (lacking.code, f"s1/{lost['report']} is missing" in lacking.err) == (2, True)
    assert not (fleet / "out").exists()


def test_links_in_a_part_bring_nothing_along(fleet, audit):
    (fleet / "secret").write_text("do not copy")
    audit("fleet", "fleet.yaml", "--shard", "1/1", "--output-dir", "s1", "--jobs", "1")
    (fleet / "s1/target-1/more.html").symlink_to(fleet / "secret")
    assert audit("fleet", "merge", "s1", "--output-dir", "out").code == 3
    assert not (fleet / "out/target-1/more.html").exists()
    (fleet / "s1/target-1/report.json").unlink()
    (fleet / "s1/target-1/report.json").symlink_to(fleet / "secret")
    linked = audit("fleet", "merge", "s1", "--output-dir", "again")
    assert (linked.code, "is missing" in linked.err) == (2, True)
