import subprocess
import sys

from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.formats import FORMATS


def test_each_format_is_registered_under_its_own_name():
    assert {name: each.filename for name, each in FORMATS.items()}.items() >= {
        "html": "report.html",
        "md": "report.md",
        "json": "report.json",
        "jsonl": "report.jsonl",
        "csv": "report.csv",
        "sarif": "report.sarif",
        "junit": "report.junit.xml",
        "gitlab": "report.gitlab.json",
    }.items()
    assert [each.name for each in FORMATS.values()] == list(FORMATS)
    assert len({each.filename for each in FORMATS.values()}) == len(FORMATS)


def test_a_format_is_imported_when_it_is_used():
    asked = "import sys, northflank_audit.formats; print([m for m in ('jinja2', 'markupsafe') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_formats_are_listed_with_their_files_and_what_they_are_for():
    done = CliRunner().invoke(cli, ["formats"])
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert [line.split()[:2] for line in lines] == [[each.name, each.filename] for each in FORMATS.values()]
    assert len({line.index(each.what) for line, each in zip(lines, FORMATS.values(), strict=True)}) == 1
