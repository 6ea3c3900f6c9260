"""The pictures tell nothing of the machine that they are made on."""

import runpy
from pathlib import Path

from tests.conftest import ROOT


def test_what_is_pictured_names_no_path_of_the_machine(tmp_path):
    pictures = runpy.run_path(str(ROOT / "docs/pictures.py"))
    output = pictures["demo"](str(tmp_path))
    report = (tmp_path / "reports/report.html").read_text()
    assert "\x1b[" in output, "the terminal is pictured in its colours"
    assert "\x1b" not in (page := pictures["terminal"]("audit", output))
    assert "<span style=" in page
    for private in (str(tmp_path), str(ROOT), f"{Path.home()}/"):
        assert private not in output + report + page
