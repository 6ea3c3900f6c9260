"""Broken policy files: what is said of each, to the letter, is in tests/broken/expected.txt."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from tests.conftest import ROOT

BROKEN = ROOT / "tests/broken"
FILES = sorted(path.relative_to(BROKEN).as_posix() for path in BROKEN.glob("*/*.yaml"))


def linted(file: str) -> str:
    """Return what `rules lint` prints of a file of the corpus, which must be its folder's kind of file."""
    kind = Path(file).parent.name
    option = [f"--{kind}"] if kind in ("waivers", "annotations", "config") else []
    done = CliRunner().invoke(cli, ["rules", "lint", *option, file])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    warned = ": warning: " in done.output
    assert done.exit_code == (0 if warned else 1)
    strict = CliRunner().invoke(cli, ["rules", "lint", "--strict", *option, file])
    assert (strict.exit_code, strict.output) == (1, done.output)
    return done.output


def expected() -> dict[str, str]:
    parts = re.split(r"^=== ", (BROKEN / "expected.txt").read_text(), flags=re.MULTILINE)[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def test_there_is_an_expectation_for_each_of_many_files():
    assert list(expected()) == FILES
    assert len(FILES) >= 60


@pytest.mark.parametrize("file", FILES)
def test_a_broken_file_is_told_with_its_place_and_what_to_do(file, monkeypatch):
    monkeypatch.chdir(BROKEN)
    assert linted(file) == expected()[file]


if __name__ == "__main__":  # python -m tests.policy.test_broken: writes the expectations anew, to be read
    import os

    os.chdir(BROKEN)
    Path("expected.txt").write_text("".join(f"=== {file}\n{linted(file)}" for file in FILES))
