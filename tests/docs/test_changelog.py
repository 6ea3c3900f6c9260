"""CHANGELOG.md follows Keep a Changelog 1.1.0."""

import datetime as dt
import re

from northflank_audit import __version__
from tests.conftest import ROOT

KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
HEADING = re.compile(r"## \[(Unreleased|(\d+)\.(\d+)\.(\d+))\](?: - (\d{4}-\d\d-\d\d))?")


def problems(text: str) -> list[str]:
    """Return what is wrong with a changelog."""
    head, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    found = [] if head.startswith("# Changelog\n") else ["no title"]
    matches = [HEADING.fullmatch(section.splitlines()[0]) for section in sections]
    if not all(matches):
        return [*found, "a heading that is no version"]
    first, *released = matches
    found += ["Unreleased does not come first"] if first[1] != "Unreleased" or first[5] else []
    found += ["a release without a date"] if not all(each[2] and each[5] for each in released) else []
    versions = [tuple(map(int, each.group(2, 3, 4))) for each in released if each[2]]
    dates = [dt.date.fromisoformat(each[5]) for each in released if each[5]]
    found += ["not the newest first"] if any(seq != sorted(seq, reverse=True) for seq in (versions, dates)) else []
    for section in sections:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        if [kind for kind in KINDS if kind in kinds] != kinds:
            found.append(f"kinds of changes: {kinds}")
        before, *_ = re.split(r"^### ", section.split("\n", 1)[1], flags=re.MULTILINE)
        found += ["text before the first kind"] if before.strip() else []
    return found


def test_the_changelog_keeps_to_its_form():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert problems(text) == []
    assert re.search(r"^## \[(\d\S*)\]", text, re.MULTILINE)[1] == __version__


def test_what_does_not_keep_to_it_is_noticed():
    text = (ROOT / "CHANGELOG.md").read_text()
    for old, new in (
        ("## [Unreleased]", "## Unreleased"),
        ("## [Unreleased]", "## [9.9.9] - 2026-01-01"),
        (" - 2026-11-24", ""),
        ("### Fixed", "### Mended"),
        ("### Changed", "### Fixed"),
        ("## [Unreleased]\n", "## [Unreleased]\n\nSome text.\n"),
        ("## [0.1.0]", "## [0.2.0] - 2026-11-20\n\n## [0.1.0]"),
    ):
        assert problems(text.replace(old, new, 1)), new
