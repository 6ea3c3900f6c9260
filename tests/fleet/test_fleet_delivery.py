"""A fleet's report reaches people, or says that it did not."""

import json
import re
import threading

import pytest
from msgspec.structs import replace

from northflank_audit.delivery import mail, notify
from northflank_audit.delivery.mailconfig import Email, Smtp
from northflank_audit.errors import StartError
from northflank_audit.fleet import fleet_delivery, fleet_pages
from northflank_audit.fleet.fleet_delivery import FleetDelivery, deliver_fleet, monitored
from northflank_audit.fleet.fleet_mail import fleet_letter, note
from northflank_audit.fleet.fleet_outcome import fleet_subject
from northflank_audit.fleet.fleet_reading import read_fleet_report
from tests.delivery.conftest import KEY, brisk, patient, serve  # noqa: F401 - fixtures
from tests.delivery.mail.conftest import AnyPort, Mailbox
from tests.fleet.fleets import UNSET_TOKEN, fleet_of, incomplete, mixed, passed, target, unstarted, violated
from tests.formats.conftest import HOSTILE

NOBODY = Smtp(host="127.0.0.1", port=1)
TO = ("ops@example.com",)


@pytest.fixture
def mailbox():
    box = Mailbox()
    server = AnyPort(box)
    server.start()
    box.smtp = Smtp(host="127.0.0.1", port=server.port)
    yield box
    server.stop()


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_all_three_files_are_written(tmp_path):
    folder = tmp_path / "reports"
    final, written, receipts = deliver_fleet(mixed(), FleetDelivery(), str(folder))
    assert (final, receipts) == (mixed(), [])
    assert written == [f"{folder}/fleet.html", f"{folder}/fleet.md", f"{folder}/fleet.json"]
    assert contents(folder) == {
        "fleet.html": fleet_pages.render_html(mixed()),
        "fleet.md": fleet_pages.render_markdown(mixed()),
        "fleet.json": fleet_pages.render_json(mixed()),
    }


def test_a_file_that_can_not_be_written_makes_the_others_say_so(tmp_path):
    (tmp_path / "fleet.md").mkdir()
    final, written, _ = deliver_fleet(passed(2), FleetDelivery(), str(tmp_path))
    assert (final.exit_code, written) == (3, [f"{tmp_path}/fleet.html", f"{tmp_path}/fleet.json"])
    (reason,) = final.undelivered
    assert reason.startswith(f"{tmp_path}/fleet.md could not be written")
    assert read_fleet_report(f"{tmp_path}/fleet.json") == final
    assert 'content="INCOMPLETE"' in (tmp_path / "fleet.html").read_text()


def test_a_folder_that_can_not_be_is_no_success(tmp_path):
    (tmp_path / "file").write_text("")
    final, written, _ = deliver_fleet(passed(1), FleetDelivery(), str(tmp_path / "file"))
    assert (final.exit_code, written, len(final.undelivered)) == (3, [], 1)


def test_a_page_that_can_not_be_made_costs_itself_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(fleet_delivery.FILES, "fleet.html", lambda report: {}[report.exit_code])
    final, written, _ = deliver_fleet(passed(1), FleetDelivery(), str(tmp_path))
    assert (final.exit_code, written) == (3, [f"{tmp_path}/fleet.md", f"{tmp_path}/fleet.json"])
    assert "internal error: KeyError" in final.undelivered[0]


def test_one_mail_tells_of_all(mailbox, tmp_path):
    settings = FleetDelivery(email=Email(to=TO, smtp=mailbox.smtp))
    final, _, receipts = deliver_fleet(mixed(), settings, str(tmp_path))
    assert (final.exit_code, receipts) == (3, ["mail: to ops@example.com"])
    (got,) = mailbox.mails
    assert got["Subject"] == fleet_subject(mixed())
    assert got["X-Northflank-Audit-Outcome"] == "INCOMPLETE"
    plain, rich = (got.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for text in (re.sub(r"\s+", " ", plain), re.sub(r"\s+", " ", re.sub("<[^>]*>", "", rich))):
        for said in ("delta", UNSET_TOKEN, "charlie", "bravo", "3 violations: 2 critical, 1 low", str(tmp_path)):
            assert said in text
    (attached,) = got.iter_attachments()
    assert attached.get_filename() == "fleet-2026-11-24.html"
    assert attached.get_payload(decode=True).decode() == fleet_pages.render_html(mixed())


def test_a_page_that_is_too_large_is_not_attached(monkeypatch):
    monkeypatch.setattr(mail, "LARGEST", 1000)
    made = mail.message(fleet_letter(mixed(), "reports"), TO, "a@example.com", "reports")
    assert [*made.iter_attachments()] == []
    assert "too large for a mail" in made.get_body(("plain",)).get_content()


def test_a_mail_stays_short_and_its_text_inert_whatever_the_targets_say():
    evil = HOSTILE * 500
    many = [incomplete(f"bad-{number}", evil) for number in range(100)]
    worst = [target(f"worse-{number}", {"data": violated(3)}) for number in range(100)]
    report = fleet_of(*many, *worst, unstarted(reason=evil))
    made = mail.message(fleet_letter(report, "r"), TO, "a@example.com", "r")
    plain, rich = (made.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert len(rich) < 60_000
    assert "and 91 more" in plain
    for text in (plain, rich):
        assert "https://evil.example" not in text
        assert not {"\x1b", "\u202e"} & set(text)
    assert "<script>" not in rich
    told = list(note(report, ["reports/fleet.html"]))
    assert len(told) <= 12
    assert sum(min(len(line), notify.LONGEST_LINE) for line in told) < 2000


@pytest.mark.parametrize(
    ("report", "when", "due"),
    [
        (passed(1), "violations", False),
        (passed(1), "always", True),
        (fleet_of(target("a", {"data": violated(1)}, code=0)), "violations", True),
        (fleet_of(unstarted()), "violations", True),
        (replace(passed(1), exit_code=3, undelivered=["x"]), "violations", True),
    ],
)
def test_people_are_told_when_they_want_to_be(report, when, due):
    assert fleet_delivery.is_due(when, report) is due


def test_a_fleet_has_no_changes():
    for settings in ({"email": Email(to=TO, when="changes")}, {"notify_when": "changes"}):
        with pytest.raises(StartError, match="'when: changes' is not for fleets"):
            FleetDelivery(**settings)


def test_whatever_fails_the_rest_is_told_and_everything_says_so(serve, brisk, tmp_path):  # noqa: F811 - fixtures
    chat, gateway = serve(200), serve(500)
    to = notify.services([("notify.txt:1", f"json://{chat.place}/{KEY}")])
    metrics = tmp_path / "fleet.prom"
    settings = FleetDelivery(
        email=Email(to=TO, smtp=NOBODY, when="always"),
        services=tuple(to),
        metrics_file=str(metrics),
        metrics_push=gateway.url,
    )
    assert KEY not in repr(settings)
    final, _, receipts = deliver_fleet(passed(2), settings, str(tmp_path / "r"))
    assert (final.exit_code, receipts) == (3, ["notified: notify.txt:1"])
    assert [each.split(" ")[:2] for each in final.undelivered] == [["the", "mail"], ["the", "metrics"]]
    (told,) = [json.loads(asked.body) for asked in chat.asked]
    assert "not everything could be delivered" in told["message"]
    assert read_fleet_report(str(tmp_path / "r/fleet.json")) == final
    assert 'northflank_audit_fleet_exit_code{fleet="fleet"} 3.0' in metrics.read_text()
    assert KEY not in "".join([*final.undelivered, *contents(tmp_path / "r").values()])


@pytest.mark.parametrize(
    ("report", "end"), [(passed(1), ""), (fleet_of(target("a", {"data": violated(1)})), ""), (mixed(), "/fail")]
)
def test_the_monitor_hears_whether_all_was_seen(serve, brisk, report, end):  # noqa: F811 - fixtures
    peer = serve(200)
    with monitored(FleetDelivery(heartbeat=peer.url)) as ended:
        ended(report)
    assert peer.paths == [f"POST /{KEY}/start", f"POST /{KEY}{end}"]
    assert peer.asked[1].body == fleet_subject(report)


def test_two_runs_that_share_a_folder_write_one_after_the_other(tmp_path):
    reports = [passed(1), mixed()]
    threads = [
        threading.Thread(target=deliver_fleet, args=(report, FleetDelivery(), str(tmp_path))) for report in reports
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    last = read_fleet_report(str(tmp_path / "fleet.json"))
    assert last in reports
    assert (tmp_path / "fleet.html").read_text() == fleet_pages.render_html(last)
