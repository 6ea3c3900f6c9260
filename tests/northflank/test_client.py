import datetime as dt
import gzip
import logging

import pytest
import requests
import responses
import trustme

from northflank_audit import __version__
from northflank_audit.errors import FetchError, Refused
from northflank_audit.northflank import client as client_module
from northflank_audit.northflank.circuit import RETRIES, Circuit
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import LONGEST_WAIT, Deadline, asked_wait
from northflank_audit.northflank.token import Token
from northflank_audit.transient import RETRIED

URL = "https://api.example.com"
TOKEN = "nf-secret-token"


class World:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    def make(attempts=5, timeout=300.0):
        deadline = Deadline(timeout, clock=lambda: world.now)
        return Client(URL, Token(TOKEN, "NF_API_TOKEN"), max_attempts=attempts, deadline=deadline, sleep=world.sleep)

    return make


@pytest.fixture
def api():
    with responses.RequestsMock() as mock:
        yield mock


def get(client):
    return client.get("/v1/x", {"per_page": 100}, what="list, page 1", permission="Account > Read")


def test_an_answer_is_decoded_and_the_request_names_tool_and_token(api, client):
    api.get(f"{URL}/v1/x", json={"data": 1})
    assert get(client()) == {"data": 1}
    sent = api.calls[0].request
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["User-Agent"] == f"northflank-audit/{__version__}"
    assert sent.url.endswith("?per_page=100")


def test_a_netrc_does_not_take_the_tokens_place(api, client, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine api.example.com login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    api.get(f"{URL}/v1/x", json={})
    get(client())
    assert api.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_an_authority_and_a_proxy_of_the_environment_are_used(api, client, monkeypatch, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    api.get(f"{URL}/v1/x", json={})
    get(client())
    assert api.calls[0].request.req_kwargs["verify"] == str(tmp_path / "authority.pem")
    assert api.calls[0].request.req_kwargs["proxies"]["https"] == "http://proxy.example.com:3128"
    monkeypatch.setenv("NO_PROXY", "api.example.com")
    get(client())
    assert "https" not in api.calls[1].request.req_kwargs["proxies"]


@pytest.mark.parametrize("status", sorted(RETRIED | {599}))
def test_what_may_pass_is_tried_again(api, client, world, status):
    api.get(f"{URL}/v1/x", status=status)
    api.get(f"{URL}/v1/x", json={"ok": True})
    tried = client()
    assert get(tried) == {"ok": True}
    assert (tried.budget.sent, tried.retries, len(world.waits)) == (2, 1, 1)


def test_the_log_says_of_each_try_what_it_was_for(api, client, caplog):
    api.get(f"{URL}/v1/x", status=503)
    api.get(f"{URL}/v1/x", json={})
    with caplog.at_level("DEBUG", "northflank_audit"):
        client().get("/v1/x", {}, what="list", permission="p", team="payments", page=7)
    told = [(each.levelname, each.team, each.page, each.attempt) for each in caplog.records]
    assert told == [("DEBUG", "payments", 7, 1), ("INFO", "payments", 7, 1), ("DEBUG", "payments", 7, 2)]


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError("broken"),
        requests.Timeout(),
        requests.exceptions.ChunkedEncodingError("cut"),
        requests.exceptions.SSLError("EOF occurred"),
    ],
)
def test_broken_connections_are_tried_again(api, client, failure):
    api.get(f"{URL}/v1/x", body=failure)
    api.get(f"{URL}/v1/x", json={"ok": True})
    assert get(client()) == {"ok": True}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"data": ', b'{"a": "\\ud800"}', b"\xff", b"[" * 100_000, b'{"a": 1e999}']
)
def test_bodies_that_can_not_be_decoded_are_tried_again(api, client, body):
    api.get(f"{URL}/v1/x", body=body)
    api.get(f"{URL}/v1/x", json={"ok": True})
    assert get(client()) == {"ok": True}


def test_a_broken_gzip_body_is_tried_again(api, client):
    api.get(f"{URL}/v1/x", body=gzip.compress(b"{}")[:-9] + b"x" * 9, headers={"Content-Encoding": "gzip"})
    api.get(f"{URL}/v1/x", json={"ok": True})
    assert get(client()) == {"ok": True}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_what_will_not_pass_is_final_at_the_first_answer(api, client, status):
    api.get(f"{URL}/v1/x", status=status, json={"error": {"message": "no"}})
    tried = client()
    with pytest.raises(Refused, match=f"list, page 1: HTTP {status}: no") as caught:
        get(tried)
    assert (tried.budget.sent, caught.value.status, caught.value.exit_code) == (1, status, 3)


def test_a_403_names_the_permission_and_a_401_where_the_token_came_from(api, client):
    api.get(f"{URL}/v1/x", status=403)
    with pytest.raises(Refused, match="needs the permission Account > Read"):
        get(client())
    api.reset()
    api.get(f"{URL}/v1/x", status=401)
    with pytest.raises(Refused, match="the token came from NF_API_TOKEN"):
        get(client())


def test_a_redirect_is_not_followed(api, client):
    api.get(f"{URL}/v1/x", status=302, headers={"Location": f"https://evil.example.net/{TOKEN}"})
    with pytest.raises(Refused, match=r"redirects to https://evil.example.net/\*\*\*"):
        get(client())
    assert len(api.calls) == 1


def test_the_token_is_in_no_message_and_no_log(api, client, caplog):
    caplog.set_level(logging.DEBUG)
    api.get(f"{URL}/v1/x", status=500, json={"error": {"message": f"bad {TOKEN}\x1b[31m"}})
    with pytest.raises(FetchError) as caught:
        get(client(attempts=2))
    assert TOKEN not in str(caught.value) + caplog.text + repr(Token(TOKEN, "x"))
    assert "\x1b" not in str(caught.value)


def test_the_token_is_masked_behind_escapes_in_keys_values_and_messages(api, client):
    spelt = TOKEN.replace("-", "\\u002d")
    api.get(f"{URL}/v1/x", body=f'{{"{spelt}": ["{spelt}", 1], "data": {{"x": "a {TOKEN.replace("-", "%2D")} b"}}}}')
    assert get(client()) == {"***": ["***", 1], "data": {"x": "a *** b"}}
    api.get(f"{URL}/v1/y", status=400, body=f'{{"error": {{"message": "bad {spelt}"}}}}')
    with pytest.raises(Refused, match=r"HTTP 400: bad \*\*\*"):
        client().get("/v1/y", {}, what="y", permission="p")
    api.get(f"{URL}/v1/z", status=302, headers={"Location": f"https://x.test/?t={TOKEN.replace('-', '%2d')}&u"})
    with pytest.raises(Refused, match=r"redirects to https://x.test/\?t=\*\*\*&u;"):
        client().get("/v1/z", {}, what="z", permission="p")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ({"status": 403, "message": "no"}, Refused, "HTTP 200 with an error: no; the token needs the permission"),
        ("odd", Refused, "HTTP 200 with an error: odd"),
        ({}, Refused, "HTTP 200 with an error$"),
        (False, Refused, "HTTP 200 with an error$"),
        ({"status": 503, "message": "busy"}, FetchError, r"HTTP 200 with an error: busy \(gave up after 2 attempts\)"),
    ],
)
def test_an_error_is_one_whatever_the_status(api, client, error, kind, said):
    api.get(f"{URL}/v1/x", json={"data": {"credentials": []}, "error": error})
    with pytest.raises(kind, match=said):
        get(client(attempts=2))


def test_an_error_that_is_null_is_none(api, client):
    api.get(f"{URL}/v1/x", json={"data": 1, "error": None})
    assert get(client()) == {"data": 1, "error": None}


@pytest.mark.parametrize("failure", [AttributeError("x"), ValueError(TOKEN), IndexError()])
def test_what_a_library_stumbles_over_is_tried_again(api, client, failure):
    api.get(f"{URL}/v1/x", body=failure)
    with pytest.raises(
        FetchError, match=rf"could not be read \({type(failure).__name__}\) \(gave up after 2 attempts\)"
    ):
        get(client(attempts=2))


def test_an_authority_that_vanished_is_told(api, client):
    api.get(f"{URL}/v1/x", body=OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /x"))
    with pytest.raises(FetchError, match="invalid path: /x"):
        get(client())


def test_retries_end_with_their_budget(api, client, world):
    api.get(f"{URL}/v1/x", status=500)
    circuit, tried = Circuit(), client(attempts=RETRIES + 9, timeout=10_000)
    with pytest.raises(FetchError, match=f"gave up after {RETRIES + 1} attempts: too many similar requests failed"):
        tried.get("/v1/x", {}, what="x", permission="p", circuit=circuit)
    with pytest.raises(FetchError, match="gave up after 1 attempt: too many"):
        tried.get("/v1/x", {}, what="x", permission="p", circuit=circuit)
    circuit.succeeded()
    with pytest.raises(FetchError, match="gave up after 2 attempts"):
        tried.get("/v1/x", {}, what="x", permission="p", circuit=circuit)


def test_the_token_is_not_in_what_a_broken_connection_says(api, client):
    api.get(f"{URL}/v1/x", body=requests.ConnectionError(f"bad status line {TOKEN}"))
    with pytest.raises(FetchError, match="the connection broke") as caught:
        get(client(attempts=1))
    assert TOKEN not in str(caught.value)


def test_an_error_page_of_a_proxy_is_not_quoted(api, client):
    api.get(f"{URL}/v1/x", status=502, body="<html>secret path</html>")
    with pytest.raises(FetchError, match="not in the API's form") as caught:
        get(client(attempts=1))
    assert "secret path" not in str(caught.value)


def test_tries_end(api, client, world):
    api.get(f"{URL}/v1/x", status=503)
    tried = client(attempts=4)
    with pytest.raises(FetchError, match="HTTP 503 .gave up after 4 attempts"):
        get(tried)
    assert (tried.budget.sent, tried.retries, len(world.waits)) == (4, 3, 3)


def test_backoff_is_exponential_with_full_jitter(api, client, world, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high if low == 0 else pytest.fail("no full jitter"))
    api.get(f"{URL}/v1/x", status=503)
    with pytest.raises(FetchError):
        get(client(attempts=9))
    assert world.waits == [0.5, 1, 2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT]


def test_the_server_is_waited_for_as_long_as_it_asks(api, client, world):
    api.get(f"{URL}/v1/x", status=429, headers={"Retry-After": "7", "x-ratelimit-reset": "99"})
    api.get(f"{URL}/v1/x", status=429, headers={"x-ratelimit-reset": "11"})
    api.get(f"{URL}/v1/x", json={})
    get(client())
    assert world.waits == [7, 11]


@pytest.mark.parametrize("asked", ["0", "0.1", "Thu, 01 Jan 2020 00:00:00 GMT", "0" * 30])
def test_a_server_that_asks_for_no_wait_gets_the_usual_backoff(api, client, world, monkeypatch, asked):
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    api.get(f"{URL}/v1/x", status=503, headers={"Retry-After": asked})
    with pytest.raises(FetchError, match="gave up after 4 attempts"):
        get(client(attempts=4))
    assert world.waits == [0.5, 1, 2]


def test_a_limit_that_is_not_used_up_is_not_waited_for(api, client, world, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    headers = {"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "990", "x-ratelimit-reset": "1800"}
    api.get(f"{URL}/v1/x", status=429, headers=headers)
    with pytest.raises(FetchError, match=r"HTTP 429 \(gave up after 3 attempts\)"):
        get(client(attempts=3))
    assert world.waits == [0.5, 1]


@pytest.mark.parametrize("asked", ["10", "11"])
def test_a_wait_as_long_as_the_time_that_is_left_is_not_begun(api, client, world, asked):
    api.get(f"{URL}/v1/x", status=503, headers={"Retry-After": asked})
    with pytest.raises(FetchError, match=f"asks to wait {asked} s, and 10 s of the run's 10 s are left"):
        get(client(timeout=10))
    assert world.waits == []


def test_a_wait_that_ends_just_before_the_deadline_is_begun(api, client, world):
    api.get(f"{URL}/v1/x", status=503, headers={"Retry-After": "9"})
    api.get(f"{URL}/v1/x", json={})
    assert get(client(timeout=10)) == {}
    assert world.waits == [9]


@pytest.mark.parametrize(("reset", "waited"), [(9, True), (10, False), (11, False)])
def test_a_window_is_waited_for_if_it_ends_before_the_run(client, world, reset, waited):
    waiting = client(timeout=10)
    waiting.budget.rate_limit.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)})
    assert waiting.budget.wait_for_window() is waited
    assert world.waits == ([reset] if waited else [])


def test_a_wait_that_can_not_fit_is_not_begun(api, client, world):
    api.get(f"{URL}/v1/x", status=429, headers={"Retry-After": "31536000"})
    with pytest.raises(FetchError, match="asks to wait 31536000 s, and 60 s of the run's 60 s are left"):
        get(client(timeout=60))
    assert world.waits == []


def test_nothing_is_sent_after_the_deadline(client, world):
    tried = client(timeout=60)
    world.now = 61
    with pytest.raises(FetchError, match="the run's time of 60 s is up"):
        get(tried)
    assert tried.budget.sent == 0


def test_a_body_that_is_too_large_is_refused(api, client):
    api.get(f"{URL}/v1/x", body=b" " * (32 * 2**20 + 1))
    with pytest.raises(FetchError, match="the answer is larger than 32 MiB"):
        get(client())


def test_a_body_of_the_largest_size_is_read(api, client, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_BODY", 1000)
    api.get(f"{URL}/v1/x", body=b" " * 998 + b"{}")
    assert get(client()) == {}


def test_a_body_that_outlasts_the_deadline_is_given_up(api, client, world):
    api.get(f"{URL}/v1/x", json={})
    tried = client(timeout=60)
    body = tried._body
    tried._body = lambda response, what: (setattr(world, "now", 61), body(response, what))[1]
    with pytest.raises(FetchError, match="the answer did not end in time"):
        get(tried)


def test_a_certificate_that_is_not_trusted_is_final(api, client):
    api.get(f"{URL}/v1/x", body=requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    tried = client()
    with pytest.raises(FetchError, match="REQUESTS_CA_BUNDLE"):
        get(tried)
    assert tried.budget.sent == 1


def test_an_address_that_is_none_is_final(client):
    bad = client()
    bad.base_url = "https://exa mple:port"
    with pytest.raises(FetchError, match="list, page 1"):
        get(bad)


NOW = dt.datetime(2026, 1, 1, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (503, {"Retry-After": "120"}, 120),
        (503, {"Retry-After": "Thu, 01 Jan 2026 12:01:30 GMT"}, 90),
        (503, {"Retry-After": "Thu, 01 Jan 2026 12:01:30 -0000"}, 90),
        (503, {"Retry-After": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0),
        (503, {"Retry-After": "soon"}, None),
        (503, {"x-ratelimit-reset": "3000"}, None),  # every answer carries it
        (429, {"x-ratelimit-reset": "30"}, 30),
        (429, {"Retry-After": "soon", "x-ratelimit-reset": "30"}, 30),
        (429, {"x-ratelimit-reset": "never"}, None),
        (429, {"x-ratelimit-reset": "inf"}, None),
        (429, {"x-ratelimit-reset": "nan"}, None),
        (429, {"x-ratelimit-reset": "30", "x-ratelimit-remaining": "0"}, 30),
        (429, {"x-ratelimit-reset": "30", "x-ratelimit-remaining": "-1"}, 30),
        (429, {"x-ratelimit-reset": "30", "x-ratelimit-remaining": "1"}, None),
        (503, {"Retry-After": "99999999999999999999"}, 1e20),
        (503, {"Retry-After": "9" * 400}, None),
        (503, {"Retry-After": "Thu, 01 Jan 2026 12:01:30 +99999999999999999999"}, None),
        (503, {"Retry-After": "Thu, 01 Jan 2026 12:01:30 +9999"}, None),
        (503, {"Retry-After": "Thu, 01 Jan 99999999999999999999 12:01:30 GMT"}, None),
        (503, {"Retry-After": "Thu, 01 Jan 2026 12:01:99999999999 GMT"}, None),
        (503, {"Retry-After": "Thu, 32 Jan 2026 12:01:30 GMT"}, None),
        (429, {}, None),
    ],
)
def test_how_long_the_server_asks_to_wait(status, headers, expected):
    assert asked_wait(status, headers, NOW) == expected
