"""What the environment says of proxies and authorities is used, or refused by the variable's name alone."""

import os

import pytest
import trustme

from northflank_audit.errors import StartError
from northflank_audit.northflank.route import AUTHORITIES, Route, route_to

SECURE, PLAIN = "https://api.example.com", "http://127.0.0.1:9"
SECRET = "s3cr3tPW9"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in AUTHORITIES:
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "value",
    [
        f"http://alice:{SECRET}@127.0.0.1:99999",
        f"http://alice:{SECRET}@127.0.0.1:port",
        f"http://alice:{SECRET}@",
        f"http://alice:{SECRET}#x@127.0.0.1:9",
        f"http://alice:{SECRET}/x@127.0.0.1:9",
        f"http://alice:{SECRET}?x@127.0.0.1:9",
        f"http://alice:{SECRET}[x@127.0.0.1:9",
        f"http://alice:{SECRET}]x@127.0.0.1:9",
        f"http://alice:{SECRET}\\x@127.0.0.1:9",
        f"http://alice:{SECRET} x@127.0.0.1:9",
        f"http://alice:{SECRET}\u20ac@127.0.0.1:9",
        f"http://alice:{SECRET}%E2%82%AC\udc80@127.0.0.1:9",
        f"alice:{SECRET}#@127.0.0.1:9",
        f"socks5://alice:{SECRET}@127.0.0.1:9",
        f"http://alice:{SECRET}@[::1",
        f"http://alice:{SECRET}@[::::]:9",
        "http://[::1",
        "http://",
        "x://y",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_none_is_refused_by_its_variables_name(monkeypatch, value, variable):
    monkeypatch.setenv(variable, value)
    with pytest.raises(StartError) as caught:
        route_to(SECURE)
    assert str(caught.value).startswith(f"{variable} is not the address of a proxy: ")
    assert not any(part in str(caught.value) for part in (SECRET, "alice", "127.0.0.1"))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("value", "used"),
    [
        ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("proxy.example.com:3128", "http://proxy.example.com:3128"),
        (" https://u:p%23@[::1]:3128/ ", "https://u:p%23@[::1]:3128/"),
        ("http://a:b@c@proxy", "http://a:b@c@proxy"),
    ],
)
def test_a_proxy_is_used(monkeypatch, value, used):
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert route_to(SECURE).proxies == {"https": used}
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert route_to(SECURE) == Route()


def test_a_proxys_password_is_a_secret_in_both_spellings_and_in_no_repr(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://alice:{SECRET}%23@proxy:1")
    route = route_to(SECURE)
    assert route.secrets == (f"{SECRET}%23", f"{SECRET}#")
    assert SECRET not in repr(route)


def test_over_plain_http_only_a_proxy_on_this_machine_is_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    assert route_to(PLAIN) == Route()
    for host in ("127.0.0.1", "localhost", "[::1]"):
        monkeypatch.setenv("HTTP_PROXY", f"http://{host}:3128")
        assert route_to(PLAIN).proxies == {"http": f"http://{host}:3128"}
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.setenv("ALL_PROXY", "http://[::1")
    with pytest.raises(StartError, match="ALL_PROXY is not the address"):
        route_to(PLAIN)


@pytest.mark.parametrize("variable", AUTHORITIES)
def test_authorities_that_cannot_be_read_are_refused_by_name(monkeypatch, tmp_path, variable):
    (tmp_path / "empty.pem").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        ("gone", "can't be read"),
        ("empty.pem", "holds no certificate"),
        ("pipe", "not a file or folder"),
    ):
        monkeypatch.setenv(variable, str(tmp_path / name))
        with pytest.raises(StartError, match=rf"^{variable}: .*{name} {'is ' if name == 'pipe' else ''}{why}"):
            route_to(SECURE)
        assert route_to(PLAIN).verify is True  # nobody needs them there
    monkeypatch.setenv(variable, "")
    assert route_to(SECURE).verify is True


def test_the_authorities_that_are_named_are_used_in_the_order_of_their_variables(monkeypatch, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "one.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert route_to(SECURE).verify == str(tmp_path)
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        (tmp_path / f"{variable}.pem").write_bytes((tmp_path / "one.pem").read_bytes())
        monkeypatch.setenv(variable, str(tmp_path / f"{variable}.pem"))
        assert route_to(SECURE).verify == str(tmp_path / f"{variable}.pem")
