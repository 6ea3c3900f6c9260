import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from northflank_audit.delivery import files, pipes
from northflank_audit.delivery.files import write
from northflank_audit.errors import DeliveryError
from tests.conftest import ROOT, needed


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "a" / "report.md"
    write(str(target), "one")
    write(str(target), "two")
    assert target.read_text() == "two"
    assert [path.name for path in target.parent.iterdir()] == ["report.md"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~_umask()


def test_a_file_that_is_replaced_keeps_its_permissions_and_a_text_its_line_ends(tmp_path):
    target = tmp_path / "waivers.yaml"
    target.write_text("old")
    target.chmod(0o600)
    write(str(target), "a\r\nb\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_bytes() == b"a\r\nb\n"


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    target = tmp_path / "report.md"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(DeliveryError, match="No space left on device"):
        write(str(target), "new")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
    assert target.read_text() == "old"


def test_a_link_is_replaced_and_what_it_leads_to_stays_as_it_is(tmp_path):
    """A link in a folder of reports may have been put there by somebody else."""
    (tmp_path / "real").write_text("old")
    for name, target in (("file", "real"), ("device", "/dev/null"), ("nowhere", "none"), ("folder", tmp_path)):
        link = tmp_path / name
        link.symlink_to(target)
        write(str(link), "new")
        assert (link.is_symlink(), link.read_text()) == (False, "new")
    assert (tmp_path / "real").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "file", "folder", "nowhere", "real"]


def test_a_folder_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(str(tmp_path / "link/a"), "new")
    assert (tmp_path / "real/a").read_text() == "new"


def test_a_device_is_written_to(tmp_path):
    write("/dev/null", "x")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("redirected", ["> out.txt", "| cat > out.txt"])
def test_standard_output_by_its_other_name_is_written_to_and_stays_what_it_is(tmp_path, redirected):
    script = "from northflank_audit.delivery.files import write; write('/dev/stdout', 'new')"
    subprocess.run(
        f"'{sys.executable}' -c \"{script}\" {redirected}", shell=True, cwd=tmp_path, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (tmp_path / "out.txt").read_text() == "new"
    assert Path("/dev/stdout").is_symlink()


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("place", [write, files.append])
def test_a_pipe_that_nobody_reads_is_given_up(pipe, monkeypatch, place):
    monkeypatch.setattr(pipes, "LONGEST", 0.1)
    with pytest.raises(DeliveryError, match=r"not read for 0\.1 s"):
        place(str(pipe), "text")
    held = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(DeliveryError, match=r"not read for 0\.1 s"):
        place(str(pipe), "x" * 10_000_000)  # more than a pipe holds
    os.close(held)


@pytest.mark.parametrize("place", [write, files.append])
def test_a_pipe_gets_all_of_a_text_once_someone_reads_it(pipe, place):
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    place(str(pipe), "x" * 1_000_000)
    reader.join()
    assert (len(read[0]), pipe.is_fifo()) == (1_000_000, True)


@pytest.mark.parametrize("reason", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_can_not_be_replaced_is_written_in_place_and_that_is_said(tmp_path, monkeypatch, caplog, reason):
    target = tmp_path / "report.json"
    target.write_text("a longer old text")
    before = target.stat().st_ino

    def refuse(*_):
        raise OSError(reason, "no")

    monkeypatch.setattr(Path, "replace", refuse)
    write(str(target), "new")
    assert (target.read_text(), target.stat().st_ino) == ("new", before)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert "report.json can't be replaced (is it mounted?), so it was written in place" in caplog.text
    with pytest.raises(DeliveryError):
        write(str(tmp_path / "other"), "new")  # there is nothing to write in place


def test_a_file_is_written_in_place_where_no_other_can_be_made_beside_it(tmp_path, monkeypatch, caplog):
    target = tmp_path / "report.json"
    target.write_text("old")
    real = Path.open

    def refuse(path, *arguments, **options):
        if path.suffix == ".tmp":
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    write(str(target), "new")
    assert target.read_text() == "new"
    assert "written in place" in caplog.text


def test_a_file_that_is_mounted_is_written_in_place(tmp_path):
    unshare = needed("unshare")
    (tmp_path / "host").write_text("old")
    (tmp_path / "place").write_text("")
    script = "from northflank_audit.delivery.files import write; write('place', 'new')"
    command = f"mount --bind host place && '{sys.executable}' -c \"{script}\""
    done = subprocess.run(
        [unshare, "-m", "sh", "-c", command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr or "must be superuser" in done.stderr:
        pytest.skip("nothing may be mounted here")
    assert (done.returncode, (tmp_path / "host").read_text()) == (0, "new")
    assert "written in place" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["host", "place"]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_folder_that_another_run_keeps_is_given_up_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_WAIT", 0.1)
    given_up = pytest.raises(DeliveryError, match=r"another run has been writing there for 0\.1 s")
    with files.alone(str(tmp_path)), given_up, files.alone(str(tmp_path)):
        pass
    with files.alone(str(tmp_path)):
        pass


def test_where_there_are_no_locks_files_are_written_all_the_same(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    with files.alone(str(tmp_path)):
        write(str(tmp_path / "a"), "x")
    assert (tmp_path / "a").read_text() == "x"


def test_a_file_that_is_asked_to_be_private_is_so_whatever_it_was(tmp_path):
    target = tmp_path / "keys"
    target.write_text("old")
    write(str(target), "new", mode=0o600)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
