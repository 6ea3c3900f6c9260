"""That the scan for secrets finds them: it must not be blind."""

import base64
import gzip
import quopri
import zipfile
from urllib.parse import quote

import pytest

from northflank_audit.emulator.fault_plan import Request
from northflank_audit.resources import TYPES
from tests.secrecy import NEVER, assert_never_asked, assert_no_leak, leaks, planted

SECRET = "not-a-real-secret-007"
ENCODED = {
    "plain": SECRET.encode(),
    "in a URL": f"postgres://app:{SECRET}@db.example.com/app".encode(),
    "upper case": SECRET.upper().encode(),
    "percent": quote(f"a b {SECRET} ü").encode(),
    "percent, every character": "".join(f"%{ord(each):02X}" for each in SECRET).encode(),
    "JSON escapes": "".join(f"\\u{ord(each):04x}" for each in SECRET).encode(),
    "Python's bytes": "".join(f"\\x{ord(each):02x}" for each in SECRET).encode(),
    "HTML entities": SECRET.replace("-", "&#45;").encode(),
    "HTML entities in hex": SECRET.replace("-", "&#x2d;").encode(),
    "hex": SECRET.encode().hex().encode(),
    "hex with colons": SECRET.encode().hex(":").encode(),
    "quoted-printable": quopri.encodestring(("x" * 67 + SECRET).encode()),
    "UTF-16": SECRET.encode("utf-16-le"),
    **{f"base64 after {n}": base64.b64encode(b"x" * n + SECRET.encode()) for n in range(4)},
    **{f"base64 for URLs after {n}": base64.urlsafe_b64encode(b"\xff" * n + SECRET.encode()) for n in range(4)},
    **{f"base64 in lines after {n}": base64.encodebytes(b"x" * n + SECRET.encode()) for n in range(40, 57)},
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_secret_is_found_in_each_encoding(encoding):
    assert leaks(b"before " + ENCODED[encoding] + b" after")


def test_a_secret_is_found_in_a_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", SECRET * 9)
    assert not leaks((tmp_path / "r.xlsx").read_bytes())
    with pytest.raises(AssertionError, match="r.xlsx"):
        assert_no_leak(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a real secret", b"not-a-reality", b"***", gzip.compress(b"x", mtime=0)])
def test_what_is_no_secret_is_none(content):
    assert leaks(content) == []


def test_files_their_names_and_streams_are_scanned(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(b"xyz")
    assert assert_no_leak(tmp_path, out="ab") == 5
    with pytest.raises(AssertionError, match="'out'"):
        assert_no_leak(tmp_path, out=SECRET)
    (tmp_path / SECRET).write_bytes(b"")
    with pytest.raises(AssertionError, match=SECRET):
        assert_no_leak(tmp_path)


def test_what_is_planted_is_known():
    assert planted({"a": [{"b": f"x {SECRET} y"}], "c": "not-a-real-password-1"}) == {SECRET, "not-a-real-password-1"}


@pytest.mark.parametrize("path", NEVER)
@pytest.mark.parametrize("prefix", ["/v1", "/v1/teams/a%2Fb"])
def test_a_request_to_what_shows_secrets_is_noticed(path, prefix):
    asked = prefix + path.replace("{", "").replace("}", "")
    with pytest.raises(AssertionError):
        assert_never_asked([Request("GET", asked, {}, "")])


def test_what_a_type_is_read_by_may_be_asked():
    paths = [part.path.replace("{", "").replace("}", "") for kind in TYPES.values() for part in kind.sources]
    assert len(paths) > len(TYPES)
    assert_never_asked(Request("GET", f"{prefix}{path}", {}, "") for prefix in ("/v1", "/v1/teams/t") for path in paths)
