import ssl
import threading
from pathlib import Path

import pytest
import trustme

from northflank_audit.cli import app
from northflank_audit.delivery.heartbeat import heartbeat, ping, request
from northflank_audit.errors import Stopped
from tests.conftest import NET, QUICK
from tests.delivery.conftest import KEY

HC = "https://hc-ping.com/uuid"
CRONITOR = "https://cronitor.link/p/KEY/audit?state={run|complete|fail}"
KUMA = "http://kuma:3001/api/push/TOKEN?status={|up|down}&msg={|OK|failed}"


@pytest.mark.parametrize(
    ("url", "start", "success", "fail"),
    [
        (HC, f"POST {HC}/start", f"POST {HC}", f"POST {HC}/fail"),
        (f"{HC}/", f"POST {HC}/start", f"POST {HC}/", f"POST {HC}/fail"),
        (f"{HC}?create=1", f"POST {HC}/start?create=1", f"POST {HC}?create=1", f"POST {HC}/fail?create=1"),
        (f"{HC}/{{state}}", f"GET {HC}/start", f"GET {HC}/success", f"GET {HC}/fail"),
        (CRONITOR, *(f"GET https://cronitor.link/p/KEY/audit?state={word}" for word in ("run", "complete", "fail"))),
        (KUMA, None, "GET http://kuma:3001/api/push/TOKEN?status=up&msg=OK", "GET http://kuma:3001/api/push/TOKEN?status=down&msg=failed"),
        ("https://u.example/TOKEN{||/fail}", None, "GET https://u.example/TOKEN", "GET https://u.example/TOKEN/fail"),
    ],
)  # fmt: skip
def test_each_service_is_told_in_its_own_way(url, start, success, fail):
    told = [" ".join(asked) if (asked := request(url, state)) else None for state in ("start", "success", "fail")]
    assert told == [start, success, fail]


@pytest.mark.parametrize(
    ("name", "arguments", "code", "end"),
    [
        ("good", (), 0, ""),
        ("bad", (), 1, ""),
        ("good", ("--rules", "broken.yaml"), 2, "/fail"),
        ("good", ("--input", "absent.json"), 2, "/fail"),
        ("good", ("--config", "broken.yaml"), 2, "/fail"),
        (None, (), 3, "/fail"),
        ("good", ("--output", "md=.."), 3, "/fail"),
    ],
)
def test_the_end_tells_whether_the_audit_saw_everything_and_not_what_it_found(
    audited, peer, tmp_path, name, arguments, code, end
):
    (tmp_path / "broken.yaml").write_text("rules: [{id: x}]")
    ended = audited("--heartbeat", peer.url, *arguments, name=name)
    assert (ended.code, peer.paths) == (code, [f"POST /{KEY}/start", f"POST /{KEY}{end}"])
    said = peer.asked[1].body
    assert said if code == 2 else said.startswith("[AUDIT] ")


def test_an_internal_error_is_a_failure_and_says_nothing_of_itself(audited, peer, monkeypatch):
    monkeypatch.setattr("northflank_audit.audit.runner.audit", lambda *_: {}[KEY])
    assert audited("--heartbeat", peer.url).code == 3
    assert [peer.paths[-1], peer.asked[-1].body] == [f"POST /{KEY}/fail", "internal error"]


def test_what_gave_no_report_is_a_failure(peer):
    with heartbeat(peer.url):
        pass
    assert peer.paths[-1] == f"POST /{KEY}/fail"


def test_who_is_stopped_sends_no_end(peer):
    with pytest.raises(Stopped), heartbeat(peer.url):
        raise Stopped(15)
    assert peer.paths == [f"POST /{KEY}/start"]


@pytest.mark.parametrize("answer", [404, 503, "hang", "drip", "cut", "garbage", (302, ("Location", "/elsewhere"))])
def test_a_monitor_that_is_not_there_changes_nothing_and_its_key_is_not_told(audited, serve, hasty, answer):
    monitor = serve(answer)
    ended = audited("--heartbeat", monitor.url, "--verbose", name="bad")
    assert (ended.code, ended.report["exitCode"], ended.report["run"]["complete"]) == (1, 1, True)
    if answer != "garbage":  # which begins with 200, and that is enough
        assert ended.text.count("WARNING the heartbeat") == 2
        assert "127.0.0.1" in ended.text
    assert KEY not in ended.text
    assert "/elsewhere" not in " ".join(monitor.paths)


def test_a_monitor_that_hangs_keeps_no_process_from_ending(serve, hasty, monkeypatch):
    monkeypatch.setattr("northflank_audit.delivery.http_request.TRY_SECONDS", NET)  # so that its thread is still there
    before = set(threading.enumerate())
    ping(serve("hang").url, "success")
    left = [each for each in set(threading.enumerate()) - before if each.name == "request"]
    assert all(thread.daemon for thread in left)
    assert left


def test_an_answer_without_end_is_not_read(serve):
    ping(serve("endless").url, "success")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_tried_again(serve, brisk, status):
    monitor = serve(status, 200)
    ping(monitor.url, "success")
    assert len(monitor.asked) == 2


def test_what_is_said_of_an_end_is_short(peer):
    ping(peer.url, "fail", "x" * 100_000)
    assert peer.asked[-1].body == "x" * 1000


def test_a_monitor_is_reached_by_the_environments_proxy_and_over_tls_that_is_verified(
    serve, monkeypatch, tmp_path, caplog
):
    proxy = serve()
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    ping("http://monitor.invalid/beat", "success")
    assert proxy.paths == ["POST http://monitor.invalid/beat"]
    authority, server = trustme.CA(), serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    ping(url, "success")
    assert (server.asked, "127.0.0.1: TLS failed" in caplog.text, KEY in caplog.text) == ([], True, False)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    ping(url, "success")
    assert server.paths == [f"POST /{KEY}"]


def test_nobody_listens(audited, serve, brisk):
    monitor = serve()
    monitor.shutdown()
    monitor.server_close()
    ended = audited("--heartbeat", monitor.url)
    assert (ended.code, ended.text.count("the connection failed"), KEY in ended.text) == (0, 2, False)


def test_what_passes_by_itself_is_tried_again(audited, serve, brisk):
    monitor = serve("cut", 503, 200)
    assert "WARNING" not in audited("--heartbeat", monitor.url).text
    assert monitor.paths == [f"POST /{KEY}/start"] * 3 + [f"POST /{KEY}"]


def test_no_credential_goes_to_the_monitor_but_the_addresss_own(audited, peer, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login a password {KEY}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NORTHFLANK_API_TOKEN", "the-api-token")
    audited("--heartbeat", peer.url)
    audited("--heartbeat", peer.url.replace("//", "//user:word@"))
    assert ["Authorization" in asked.headers for asked in peer.asked] == [False, False, True, True]
    assert "the-api-token" not in str(peer.asked)


@pytest.mark.parametrize(
    "url", [f"hc-ping.com/{KEY}", f"ftp://x/{KEY}", f"http:///{KEY}", f"http://x:0x/{KEY}", f"https://x/{KEY} y", f"http://x/{KEY}?s={{a|b}}", f"http://x/{KEY}}}"]
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_told(audited, url):
    ended = audited("--heartbeat", url)
    assert (ended.code, ended.report) == (2, None)
    assert "--heartbeat: " in ended.text and KEY not in ended.text


def test_a_demo_does_not_pose_as_the_real_job(audited, peer, monkeypatch):
    monkeypatch.setenv("NORTHFLANK_AUDIT_HEARTBEAT", peer.url)
    assert audited().code == 0
    assert peer.paths == [f"POST /{KEY}/start", f"POST /{KEY}"]
    peer.asked.clear()
    Path("empty.yaml").write_text("{}")
    monkeypatch.setenv("NORTHFLANK_AUDIT_NOTIFY_URLS", f"json://{peer.place}")
    monkeypatch.setenv("NORTHFLANK_AUDIT_METRICS_FILE", "a.prom")
    for more in ([], ["--config", "empty.yaml"]):
        monkeypatch.setattr("sys.argv", ["audit.py", *QUICK, "--format", "json", *more])
        with pytest.raises(SystemExit):
            app.main()
        assert (peer.paths, Path("a.prom").exists()) == ([], False)


def test_a_config_file_has_a_demo_tell_someone_only_if_the_command_line_names_it(audited, peer, monkeypatch, tmp_path):
    audited()
    section = f"{{to: a@example.com, smtp: {{host: 127.0.0.1, port: {peer.server_port}, security: none}}}}"
    (tmp_path / "c.yaml").write_text(f"heartbeat: {peer.url}\nemail: {section}\nformat: json\n")
    mailed = []
    monkeypatch.setattr("northflank_audit.delivery.mail.send", lambda report, **_: mailed.append(report))
    monkeypatch.setenv("NORTHFLANK_AUDIT_CONFIG", "c.yaml")
    for arguments, told in (([], False), (["--config", "c.yaml"], True)):
        monkeypatch.setattr("sys.argv", ["audit.py", *QUICK, *arguments])
        with pytest.raises(SystemExit):
            app.main()
        assert (bool(peer.asked), bool(mailed)) == (told, told)
