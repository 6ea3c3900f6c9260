"""Addresses are parsed once, as the WHATWG URL standard does."""

import subprocess
import sys

import pytest

from northflank_audit.addresses import Address, parsed, without_user


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "path"),
    [
        ("https://evil.example/@registry.allowed.com", "https", "evil.example", 443, "/@registry.allowed.com"),
        ("https://evil.example\\@registry.allowed.com", "https", "evil.example", 443, "/@registry.allowed.com"),
        ("https://evil.example?@registry.allowed.com", "https", "evil.example", 443, "/"),
        ("https://evil.example#@registry.allowed.com", "https", "evil.example", 443, "/"),
        ("https://registry.allowed.com@evil.example", "https", "evil.example", 443, "/"),
        ("https://a@b@evil.example/", "https", "evil.example", 443, "/"),
        (" http://h", "http", "h", 80, "/"),
        ("\thttp://h", "http", "h", 80, "/"),
        ("\u00a0\u2028http://h", "http", "h", 80, "/"),
        ("\ufeff http://h\n", "http", "h", 80, "/"),
        ("\u200bhttp://h", "http", "h", 80, "/"),
        ("ht\ntp://h", "http", "h", 80, "/"),
        ("http:/h", "http", "h", 80, "/"),
        ("http:\\\\h", "http", "h", 80, "/"),
        ("http:h", "http", "h", 80, "/"),
        ("HTTP:h", "http", "h", 80, "/"),
        ("https:///h//p", "https", "h", 443, "//p"),
        ("HTTPS://Registry.Example.com:5000/Team/", "https", "registry.example.com", 5000, "/Team/"),
        ("https://Bücher.example", "https", "xn--bcher-kva.example", 443, "/"),
        ("https://[::1]:8443/", "https", "[::1]", 8443, "/"),
        ("registry.example.com", "", "registry.example.com", 443, "/"),
        ("registry.example.com:5000/team", "", "registry.example.com", 5000, "/team"),
        ("user:secret@Registry.example.com", "", "registry.example.com", 443, "/"),
        ("attacker.net/https://registry.example.com", "", "attacker.net", 443, "/https://registry.example.com"),
        ("//h/p", "", "h", 443, "/p"),
        ("oci://Registry.Example.com/x", "oci", "registry.example.com", None, "/x"),
        ("oci://h:5000", "oci", "h", 5000, ""),
        ("oci://evil.example/@registry.allowed.com", "oci", "evil.example", None, "/@registry.allowed.com"),
    ],
)
def test_an_address_has_the_parts_that_browsers_read(text: str, scheme: str, host: str, port: int, path: str) -> None:
    found = parsed(text)
    assert found is not None
    assert (found.scheme, found.host, found.port, found.path) == (scheme, host, port, path)


@pytest.mark.parametrize(
    "text", ["", " ", "https://", "https://h:99999", "https://a b", "https://[::1", "://h", "\ud800"]
)
def test_what_is_no_address_has_no_parts(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://h/p", "https://h/p"),
        ("https://u:p@h/p@x", "https://h/p@x"),
        ("https://u:p@x@H.example:5000/", "https://H.example:5000/"),
        (" https://u:p@h", "https://h"),
        ("http:/u:p@h", "http:/h"),
        ("http:\\\\u:p@h\\x@y", "http:\\\\h\\x@y"),
        ("u:p@h/p", "h/p"),
        ("oci://u\\p@h/x", "oci://h/x"),
        ("https://evil.example/@registry.allowed.com", "https://evil.example/@registry.allowed.com"),
        ("https://evil.example\\@registry.allowed.com", "https://evil.example\\@registry.allowed.com"),
        ("https://evil.example?q=@registry.allowed.com", "https://evil.example?q=@registry.allowed.com"),
    ],
)
def test_the_user_is_cut_where_the_authority_ends(text: str, left: str) -> None:
    assert without_user(text) == left
    found = parsed(left)
    assert found is not None
    assert not found.has_user
    before = parsed(text)
    assert before is not None
    assert found == Address(before.scheme, before.host, before.port, before.path, has_user=False)


@pytest.mark.parametrize(
    "text", ["https://u:pass/word@h", "https://u:pass@h:99999", "u:pass/word@h", "https://u:pass@"]
)
def test_what_is_no_address_loses_its_user_and_does_not_become_one(text: str) -> None:
    left = without_user(text)
    assert "pass" not in left
    assert parsed(left) is None


def test_the_parser_is_imported_where_an_address_is_read_and_nowhere_else() -> None:
    code = (
        "import sys, northflank_audit.cli.run_command, northflank_audit.addresses; sys.exit('ada_url' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
