"""Files of secrets that every user of the machine can read."""

import os
from types import SimpleNamespace

import pytest

from northflank_audit.config.secret_files import exposed


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o640, 0), (0o440, 0), (0o644, 1), (0o604, 1)])
def test_only_what_others_can_read_is_warned_of(tmp_path, mode, warned):
    file = tmp_path / "my token"
    file.write_text("secret")
    file.chmod(mode)
    found = exposed({"--token-file": str(file)})
    assert len(found) == warned
    for text in found:
        assert text.startswith(f"--token-file {file}: every user of this machine can read it")
        assert f"chmod o= '{file}'" in text


def test_what_a_mount_decides_or_is_no_file_is_not_warned_of(tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text("secret")
    file.chmod(0o644)
    assert exposed({"a": None, "b": str(tmp_path / "nowhere"), "c": "/dev/null", "d": "a\0b"}) == []
    # A secret that Kubernetes mounts is on a read-only file system.
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert exposed({"--token-file": str(file)}) == []
