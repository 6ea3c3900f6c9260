"""The heart of the program fits on a page, and no format's name stands outside of the formats."""

import re

from northflank_audit.formats import FORMATS
from tests.conftest import ROOT

PACKAGE = ROOT / "northflank_audit"


def test_the_story_of_an_audit_fits_on_a_page():
    assert len((PACKAGE / "audit/runner.py").read_text().splitlines()) <= 60


def test_what_differs_between_formats_is_declared_by_them():
    own = set(FORMATS) - {"json", "md", "csv", "jsonl"}  # these are also what listings of commands are called
    for folder in ("audit", "config", "delivery"):
        for path in (PACKAGE / folder).rglob("*.py"):
            compared = re.findall(
                r"""[=!]= ["'](\w+)["']|FORMATS\[["'](\w+)["']\]|writes\(["'](\w+)["']""", path.read_text()
            )
            assert not own & {name for found in compared for name in found}, path
