import json
import logging
import re
import sys
import threading
from pathlib import Path

import apprise
import pytest
from apprise.plugins.discord import USER_ROLE_DETECTION_RE
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.bounded import Job
from northflank_audit.delivery import metrics, notify
from northflank_audit.delivery.when import is_due
from northflank_audit.errors import DeliveryError
from northflank_audit.formats.subject import subject
from tests.conftest import NET, QUICK, until
from tests.delivery.conftest import KEY
from tests.formats.conftest import HOSTILE, poisoned, result


@pytest.fixture
def target(serve, tmp_path):
    """Return a server, and a file that names it."""

    def start(*answers, more=""):
        server = serve(*answers)
        (tmp_path / "n.txt").write_text(f"# chats\n\njson://{server.place}/{KEY}\n{more}")
        return server

    return start


def sent(server):
    return [json.loads(asked.body) for asked in server.asked]


@pytest.mark.parametrize(
    ("when", "violations", "compared", "told"),
    [
        ("always", 0, None, True),
        ("violations", 0, None, False),
        ("violations", 1, None, True),
        ("changes", 1, {}, False),
        ("changes", 1, {"ongoing": 9}, False),
        ("changes", 1, {"waived": 1}, True),
        ("changes", 1, {"unwaived": 1}, True),
        ("changes", 0, {"new": 1}, True),
        ("changes", 0, {"resolved": 1}, True),
        ("changes", 0, {"unsettled": 1}, True),
        ("changes", 0, {"refused": "another account"}, True),
        ("changes", 0, None, True),
    ],
)
def test_people_are_told_when_they_want_to_be(full, when, violations, compared, told):
    nothing = replace(full.comparison, new=0, ongoing=0, resolved=0, unsettled=0)
    comparison = UNSET if compared is None else replace(nothing, **compared)
    report = replace(full, summary=replace(full.summary, fail=violations), comparison=comparison)
    assert is_due(when, report) is told
    assert is_due(when, replace(report, run=replace(report.run, complete=False)))


def test_a_notification_is_short_and_says_what_to_read(full, incomplete):
    assert notify.body(full, ["reports/report.html"]).splitlines() == [
        "1 violation on 1 of 3 registry credentials.",
        "• new, high: a: a can be used by every project",
        "Reports: reports/report.html",
    ]
    assert notify.body(incomplete, []).splitlines() == [
        "The audit could not see or evaluate everything; so far it found 1 violation on 1 of 3 registry credentials.",
        "Incomplete: page 2: 403 Forbidden",
        "Incomplete: 1 verdict is unknown",
        "• high: a: a can be used by every project",
    ]


def test_a_notification_fits_a_chat_however_much_there_is_to_say(report):
    run = replace(report.run, complete=False, incomplete_reasons=["x" * 999] * 99)
    results = [result(resource=f"r{number}", message="@" * 999) for number in range(99)]
    body = notify.body(replace(report, run=run, results=results), ["p" * 999])
    assert len(body) <= 2000
    assert "… and 96 more reasons" in body and "… and 94 more" in body


@pytest.mark.parametrize(
    "text", [HOSTILE, "@everyone <!channel> <@U12> #general", "\x1b[31m https://evil.example www.evil.example"]
)
def test_what_others_wrote_calls_nobody_and_leads_nowhere(full, text):
    hostile = poisoned(full, text)
    said = notify.body(hostile, []) + notify._inert(subject(hostile))
    assert not USER_ROLE_DETECTION_RE.findall(said)  # what Apprise itself looks for, to ping people in Discord
    assert not re.search(r"[@#]\w|<[!@#]|://|www\.", said)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", said)


def test_what_others_wrote_is_no_markup_where_markup_is_read(full, serve):
    for kind, marks in (("markdown", r"(?<!\\)[\[*`_~]"), ("html", "<(?!br)")):
        server = serve()
        to = notify.services([("n.txt:1", f"json://{server.place}/{KEY}?format={kind}")])
        notify.notify(to, poisoned(full, HOSTILE), [])
        (message,) = sent(server)
        assert not re.search(marks, message["message"]), message["message"]


@pytest.mark.parametrize(("name", "kind"), [("good", "success"), ("bad", "warning"), (None, "failure")])
def test_a_chat_is_told(audited, target, name, kind):
    server = target()
    audited("--notify-file", "n.txt", "--notify-when", "always", name=name)
    (message,) = sent(server)
    assert server.paths == [f"POST /{KEY}"]
    assert (message["title"].startswith("[AUDIT] "), message["type"]) == (True, kind)
    assert message["message"].endswith("Reports: reports/report.json")


def test_a_chat_is_not_told_of_what_nobody_wants_to_know(audited, target):
    server = target()
    assert audited("--notify-file", "n.txt").code == 0
    assert server.asked == []
    assert audited("--notify-file", "n.txt", "--output", "md=..").code == 3  # an incomplete one is always told
    assert sent(server)[0]["title"].startswith("[AUDIT] INCOMPLETE")


@pytest.mark.parametrize("answer", [403, 500, "hang", "drip", "cut", (302, ("Location", "/elsewhere"))])
def test_a_chat_that_could_not_be_told_makes_the_audit_incomplete_and_loses_no_report(
    audited, serve, target, monkeypatch, answer
):
    begun = []

    class Waited(Job):
        def __init__(self, *given):
            super().__init__(*given)
            begun.append(self.thread)

        def result(self, seconds):  # the time is up when no more can come
            until(lambda: sum(each.is_alive() for each in begun) <= (answer in ("hang", "drip")))
            return super().result(0)

    monkeypatch.setattr(notify, "Job", Waited)
    other = serve()
    server = target(answer, more=f"json://{other.place}/{KEY}")
    ended = audited("--notify-file", "n.txt", "--verbose", "--log-format", "json", name="bad")
    assert (ended.code, ended.report["exitCode"], ended.report["run"]["complete"]) == (3, 3, False)
    assert ended.report["run"]["incompleteReasons"] == [
        "not everyone could be notified: n.txt:3 (JSON); `apprise -vv -b test URL` says why"
    ]
    assert ended.report["summary"]["fail"] == 1
    assert KEY not in ended.text + json.dumps(ended.report)
    assert len(other.asked) == 1
    assert "/elsewhere" not in " ".join(server.paths)


def test_a_chat_that_hangs_keeps_no_process_from_ending_and_is_not_heard_later(report, serve, hasty, caplog):
    before, server = set(threading.enumerate()), serve("hang")
    to = notify.services([("n.txt:1", f"json://{server.place}/{KEY}")])
    with pytest.raises(DeliveryError):
        notify.notify(to, report, [])
    left = set(threading.enumerate()) - before
    assert left
    assert all(thread.daemon for thread in left)
    server.released.set()
    (given_up,) = (each for each in left if each.name == "notify")
    given_up.join(NET)
    assert caplog.text == ""


def test_what_apprise_says_is_heard_by_nobody(report, serve, caplog):
    caplog.set_level(logging.DEBUG)
    to = notify.services([("n.txt:1", f"json://{serve(500).place}/{KEY}")])
    with pytest.raises(DeliveryError):
        notify.notify(to, report, [])
    assert caplog.text == ""


def test_a_plugin_that_breaks_is_one_that_did_not_deliver(report, capfd, monkeypatch):
    monkeypatch.setattr(apprise.Apprise, "notify", lambda *_, **__: {}[KEY])
    to = notify.services([("n.txt:1", f"json://127.0.0.1/{KEY}")])
    with pytest.raises(DeliveryError, match="n.txt:1"):
        notify.notify(to, report, [])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"json://x\n# fine\nnosuch://{KEY}\n{KEY}\n", "n.txt:3: not a URL that Apprise can use"),
        (f"json://x\n# fine\nnosuch://{KEY}\n{KEY}\n", "n.txt:4: not a URL that Apprise can use"),
        (f"slack://{KEY}", "n.txt:1: "),
        (f"# {KEY}\n\n", "n.txt: contains no URL"),
        (None, "n.txt: can't be read"),
    ],
)
def test_a_url_that_can_not_work_is_told_at_the_start_by_its_line_alone(audited, peer, tmp_path, text, told):
    if text is not None:
        (tmp_path / "n.txt").write_text(text)
    ended = audited("--notify-file", "n.txt", "--heartbeat", peer.url, "--verbose")
    assert (ended.code, ended.report) == (2, None)
    assert told in ended.text and KEY not in ended.text
    assert peer.paths[-1] == f"POST /{KEY}/fail"
    assert f"{KEY}" not in peer.asked[-1].body


def test_a_url_in_place_of_the_file_is_not_told(audited):
    ended = audited("--notify-file", f"json://user:{KEY}@chat.example")
    assert (ended.code, ended.report, KEY in ended.text) == (2, None, False)
    assert "--notify-file: expects a file, not a URL" in ended.text


def test_without_apprise_nothing_starts(audited, target, monkeypatch):
    server = target()
    monkeypatch.setitem(sys.modules, "apprise", None)
    ended = audited("--notify-file", "n.txt")
    assert (ended.code, ended.report, server.asked) == (2, None, [])
    assert "needs the extra 'notify': pip install 'apprise'" in ended.text
    assert audited().code == 0


def test_the_environment_names_whom_to_tell_where_no_file_does(audited, serve, target, monkeypatch):
    first, second, file = serve(), serve(), target()
    monkeypatch.setenv(
        notify_variable := "NORTHFLANK_AUDIT_NOTIFY_URLS", f" json://{first.place}\njson://{second.place} "
    )
    audited(name="bad")
    assert [len(each.asked) for each in (first, second, file)] == [1, 1, 0]
    audited("--notify-file", "n.txt", name="bad")
    assert [len(each.asked) for each in (first, second, file)] == [1, 1, 1]
    monkeypatch.setenv(notify_variable, f"json://x nosuch://{KEY}")
    ended = audited(name="bad")
    assert (ended.code, KEY in ended.text) == (2, False)
    assert f"{notify_variable}, URL 2: " in ended.text


def test_all_at_once_as_a_process(process, serve, tmp_path):
    server = serve()
    (tmp_path / "n.txt").write_text(f"json://{server.place}/{KEY}/chat\n")
    given = ("--metrics-file", "a.prom", "--heartbeat", f"{server.url}/beat", "--notify-file", "n.txt")
    ended = process(*QUICK, "--metrics-push", f"{server.url}/push", *given, NORTHFLANK_AUDIT_NOTIFY_URLS="nosuch://x")
    assert (ended.code, ended.report["exitCode"], ended.err) == (1, 1, "")
    beat, group = f"POST /{KEY}/beat", "scope/account/source/demo"
    pushes = [f"PUT /{KEY}/push/metrics/job/{job}/{group}" for job in (metrics.JOB, metrics.SUCCESS_JOB)]
    assert server.paths == [f"{beat}/start", f"POST /{KEY}/chat", *pushes, beat]
    kept = (path.read_text() for path in Path(ended.folder).rglob("*") if path.is_file() and path.name != "n.txt")
    assert KEY not in ended.out + ended.err + "".join(kept)
    server.answers = [400]
    server.asked.clear()
    ended = process(*QUICK, "--metrics-push", f"{server.url}/push", *given, "--log-format", "json", "--verbose")
    assert (ended.code, ended.report["exitCode"]) == (3, 3)
    assert len(ended.report["run"]["incompleteReasons"]) == 2
    assert server.paths == [f"{beat}/start", f"POST /{KEY}/chat", pushes[0], f"{beat}/fail"]
    kept = (path.read_text() for path in Path(ended.folder).rglob("*") if path.is_file() and path.name != "n.txt")
    assert KEY not in ended.out + ended.err + "".join(kept)
    assert "northflank_audit_exit_code" in (tmp_path / "a.prom").read_text()
