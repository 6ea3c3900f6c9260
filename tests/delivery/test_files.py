import os
import stat
from pathlib import Path

import pytest

from northflank_audit.delivery import files
from northflank_audit.delivery.files import write
from northflank_audit.errors import DeliveryError


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


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    write("/dev/null", "x")
    assert Path("/dev/null").is_char_device()


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
