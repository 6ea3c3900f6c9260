"""The same faults over TLS, by a throwaway authority, through a proxy with a password; and TLS's own."""

import datetime as dt
import re
import ssl
import time

import pytest
import trustme

from tests.conftest import QUICK
from tests.faults.conftest import CASES, assert_nothing_leaked, key
from tests.faults.proxy import PASSWORD, Proxy
from tests.faults.test_faults import check


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority, tmp_path_factory):
    """The environment of a process that trusts the authority, and nobody else."""
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return {"REQUESTS_CA_BUNDLE": str(file)}


def secured(authority, *names, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",)), **options).configure_cert(context)
    return context


@pytest.mark.parametrize("case", CASES, ids=key)
def test_over_tls_and_through_a_proxy_it_is_the_same(case, serve, run, authority, trusting):
    server = serve(case["plan"], tls=secured(authority))
    with Proxy() as proxy:
        start = time.monotonic()
        ended = run(server, *case.get("options", ()), **trusting, HTTPS_PROXY=proxy.url)
        check(case, ended, time.monotonic() - start, server)
    assert proxy.seen
    assert {line.split(" ")[0] for line in proxy.seen} == {"CONNECT"}
    assert_nothing_leaked(ended, PASSWORD)


def reason(ended):
    assert ended.code == 3
    assert_nothing_leaked(ended, PASSWORD)
    return ended.report["run"]["incompleteReasons"][0]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_the_variables_of_openssl_and_curl_name_authorities_too(serve, run, authority, trusting, variable):
    assert run(serve(tls=secured(authority)), **{variable: trusting["REQUESTS_CA_BUNDLE"]}).code == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authorities_that_are_not_there_are_a_mistake_that_is_told(serve, run, authority, variable):
    server = serve(tls=secured(authority))
    ended = run(server, **{variable: "/no/authority.pem"})
    assert (ended.code, server.requests) == (2, [])
    assert f"{variable}: /no/authority.pem can't be read (No such file or directory)" in ended.err
    assert not (ended.folder / "reports").exists()


@pytest.mark.parametrize("mark", ["", "#", "/", "?", "[", "\\"])
def test_a_proxy_that_is_none_is_told_without_its_password(serve, run, authority, trusting, mark):
    server = serve(tls=secured(authority))
    ended = run(server, **trusting, HTTPS_PROXY=f"http://alice:SECRET{mark}PW9@127.0.0.1:99999")
    assert (ended.code, server.requests) == (2, [])
    assert "HTTPS_PROXY is not the address of a proxy" in ended.err
    assert not any(part in ended.out + ended.err for part in ("SECRET", "PW9", "alice", "internal error"))


def test_a_demo_goes_through_no_proxy(audit):
    for variable in ("HTTP_PROXY", "ALL_PROXY"):
        ended = audit(*QUICK, **{variable: "http://127.0.0.1:9"})
        assert (ended.code, ended.report["run"]["complete"]) == (1, True)


def test_an_authority_that_nobody_trusts(serve, run, authority):
    server = serve(tls=secured(authority))
    said = reason(run(server))
    assert re.search("TLS failed .*certificate verify failed.*see REQUESTS_CA_BUNDLE", said), said
    assert server.requests == []  # no byte of the token went there


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (("api.example.com",), {}, "not valid for '127.0.0.1'"),
        ((), {"not_after": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "not_before": dt.datetime(2019, 1, 1, tzinfo=dt.UTC)},
         "certificate has expired"),
    ],
    ids=["another name", "expired"],
)  # fmt: skip
def test_a_certificate_that_does_not_hold(serve, run, authority, trusting, names, options, said):
    server = serve(tls=secured(authority, *names, **options))
    assert said in reason(run(server, **trusting))
    assert server.requests == []


def test_a_server_that_speaks_no_tls(serve, run):
    server = serve()
    said = reason(run(server, NORTHFLANK_API_BASE_URL=server.url.replace("http:", "https:")))
    assert "TLS failed" in said
    assert server.requests == []


def test_a_proxy_that_wants_another_password(serve, run, authority, trusting):
    server = serve(tls=secured(authority))
    with Proxy() as proxy:
        said = reason(run(server, **trusting, HTTPS_PROXY=proxy.url.replace(PASSWORD, "SECRET-other")))
    assert "407 Proxy Authentication Required" in said
    assert server.requests == []


def test_a_proxy_that_is_not_there(serve, run, authority, trusting):
    with Proxy() as proxy:
        gone = proxy.url
    assert "connection broke" in reason(run(serve(tls=secured(authority)), **trusting, HTTPS_PROXY=gone))


def test_plain_http_goes_through_a_proxy_on_this_machine_and_through_no_other(serve, run):
    server = serve()
    with Proxy() as proxy:
        assert run(server, HTTP_PROXY=proxy.url).code == 1
        assert proxy.seen[0].startswith(f"GET {server.url}/v1/integrations/registries")
        seen = len(proxy.seen)
        assert run(server, HTTP_PROXY=proxy.url, NO_PROXY="127.0.0.1").code == 1
        assert len(proxy.seen) == seen
    assert run(server, HTTP_PROXY="http://proxy.example.com:3128").code == 1
