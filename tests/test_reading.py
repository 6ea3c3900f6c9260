"""Files that people name are read within the run's time, and up to a size."""

import os
import sys
import threading

import click
import pytest

from northflank_audit import reading
from northflank_audit.errors import StartError

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    yield path
    os.close(os.open(path, os.O_RDWR))  # lets go of a reader that was left behind


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token-file", "PIPE"],
        ["--config", "PIPE"],
        ["--input", "i.json", "--rules", "PIPE"],
        ["--input", "i.json", "--waivers", "PIPE"],
        ["--input", "i.json", "--compare", "PIPE"],
        ["--input", "PIPE"],
        ["--input", "i.json", "--notify-file", "PIPE"],
    ],
    ids=lambda each: each[-2],
)
def test_a_pipe_that_nobody_serves_does_not_hold_the_run(audit, tmp_path, pipe, arguments):
    (tmp_path / "i.json").write_text('{"credentials": []}')
    ended = audit("--timeout", "0.5", *[str(pipe) if each == "PIPE" else each for each in arguments])
    assert (ended.code, "not written to its end within the run's 0.5 s" in ended.err) == (2, True)
    assert not (tmp_path / "reports").exists()


def test_a_pipe_that_is_served_is_read(pipe):
    threading.Thread(target=pipe.write_text, args=("a: 1\r\n",), daemon=True).start()
    assert reading.read_text(str(pipe)) == "a: 1\n"


def test_the_time_is_that_of_the_command_and_runs_from_its_start(pipe):
    with click.Context(click.Command("c")) as ctx:
        reading.bound(ctx, 1000)
        reading.bound(ctx, 0)
        with pytest.raises(StartError, match=r"within the run's 0 s"):
            reading.read_bytes(str(pipe))


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0"])
def test_standard_input_is_read_by_each_of_its_names(audit, tmp_path, name):
    (tmp_path / "r.yaml").write_text("rules: [{id: r, title: T, severity: low, require: 'true'}]")
    text = '{"credentials": [{"id": "a", "name": "x"}]}'
    assert audit("--input", name, "--rules", "r.yaml", stdin=text).code == 0


def test_standard_input_that_is_closed_can_not_be_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(StartError, match=r"standard input: can't be read \(it is closed\)"):
        reading.read_bytes("-")


def test_what_is_too_large_is_refused(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"1234")
    assert reading.read_bytes(str(path), largest=4) == b"1234"
    for name in (str(path), "/dev/zero"):
        with pytest.raises(StartError, match="larger than"):
            reading.read_bytes(name, largest=3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_in_the_encoding_that_it_tells(tmp_path, encoding):
    (tmp_path / "f").write_text("aä\r\n", encoding=encoding, newline="")
    assert reading.read_text(str(tmp_path / "f")) == "aä\n"


def test_exact_text_gives_the_bytes_again(tmp_path):
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfa\r\n")
    assert reading.read_text(str(tmp_path / "f"), exact=True).encode() == b"\xef\xbb\xbfa\r\n"
    (tmp_path / "f").write_bytes(b"\xff")
    with pytest.raises(StartError, match="not UTF-8 text"):
        reading.read_text(str(tmp_path / "f"), exact=True)


@pytest.mark.parametrize("path", ["nowhere", ".", "a\0b"])
def test_what_can_not_be_read_says_why(path):
    with pytest.raises(StartError, match=r"can't be read \(.+\)"):
        reading.read_bytes(path)
