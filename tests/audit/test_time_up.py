"""`--timeout` bounds the whole run, whichever stage takes the time. Clocks here count calls, not seconds."""

import datetime as dt
import json
import re
import threading
from types import SimpleNamespace

import pytest

from northflank_audit import stopping
from northflank_audit.audit import deliver, last_resort, runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.timed_engine import LATE, TimedEngine
from northflank_audit.config.policy import Policy
from northflank_audit.deadline import Deadline
from northflank_audit.formats import FORMATS
from northflank_audit.gate import Gate
from northflank_audit.policy.rules.rulebook import load
from northflank_audit.sources.saved_files import InputSource
from tests.conftest import CREDENTIALS, RULES, rules

COLLECTIVE = """
rules:
  - {id: alone, title: T, severity: low, require: "resources.exists_one(r, r.id == credential.id)"}
"""


class Clock:
    """A second passes with every look at it."""

    now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def audited(seconds, count, asked=RULES, on_unknown="fail"):
    found = [{"id": f"c{n}", "provider": "github", "restrictions": {"restricted": True}} for n in range(count)]
    body = json.dumps({"data": {"credentials": found}, "pagination": {"hasNextPage": False, "count": count}})
    policy = Policy(rules=load([("r.yaml", asked)]), waivers=[], baseline=None)
    source = InputSource([("i.json", body.encode())], None)
    request = AuditRequest(policy=policy, details="never", gate=Gate(on_unknown=on_unknown))
    return runner.audit(request, source, lambda _: None, "", Deadline(seconds, Clock()))


@pytest.mark.parametrize("asked", [RULES, COLLECTIVE])
@pytest.mark.parametrize("on_unknown", ["fail", "ignore"])
def test_what_is_not_evaluated_when_the_time_is_up_makes_the_audit_incomplete(asked, on_unknown):
    report = audited(200, 1000, asked, on_unknown)
    (reason,) = report.run.incomplete_reasons
    assert (report.exit_code, report.run.complete) == (3, False)
    assert reason.startswith("the run's time of 200 s was up before ")
    assert reason.endswith("(see --timeout)"), reason
    assert 150 < report.summary.passed / len(report.rules) < 250
    (kind,) = report.coverage.types
    assert kind.complete is False
    assert re.fullmatch(r"the run's time of 200 s was up before .* \d+ registry credentials .*", *kind.missing)
    whole = audited(100_000, 1000, asked, on_unknown)
    assert (whole.exit_code, whole.run.incomplete_reasons) == (0, [])


def test_what_was_fetched_in_time_is_still_evaluated_for_a_moment():
    clock = SimpleNamespace(now=0)
    engine = TimedEngine(rules(), dt.datetime.now(dt.UTC), Deadline(10, lambda: clock.now))
    clock.now = 10 + LATE
    assert len(list(engine.evaluate(source_resources()))) == 2
    assert list(engine.problems()) == []
    clock.now += 0.1
    assert list(engine.evaluate(source_resources())) == []
    assert len(list(engine.problems())) == 1


def source_resources():
    body = {"data": {"credentials": [{"id": "a", "provider": "github"}]}, "pagination": {"hasNextPage": False}}
    return next(InputSource([("i.json", json.dumps(body).encode())], None).pages(CREDENTIALS))


def test_formats_that_the_time_is_not_enough_for_are_left_out_and_the_others_say_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    clock = SimpleNamespace(now=0.0)
    report = audited(100_000, 3)

    def slow(_format, given, **_options):
        clock.now += deliver.RENDERING
        yield json.dumps(given.run.incomplete_reasons).encode()

    monkeypatch.setattr(type(FORMATS["md"]), "pieces", slow)
    places = [(name, f"{name}.txt") for name in ("json", "md", "csv", "html")]
    renderer = deliver._Renderer(SimpleNamespace(csv_dialect="rfc4180"), Deadline(1, lambda: clock.now))
    settings = SimpleNamespace(format=(), output_dir_destinations=[])
    told, written = deliver._write(settings, places, report, renderer)
    reasons = [f"{name}.txt could not be written ({deliver.OUT_OF_TIME})" for name in ("csv", "html")]
    assert (told.exit_code, told.run.incomplete_reasons, written) == (3, reasons, places[:2])
    assert json.loads((tmp_path / "json.txt").read_text()) == reasons
    assert sorted(path.name for path in tmp_path.iterdir()) == ["json.txt", "md.txt"]


def test_a_run_that_still_does_not_end_is_ended(monkeypatch, capsys):
    ended = threading.Event()
    codes = []

    def leave(code):
        codes.append(code)
        ended.set()

    monkeypatch.setattr(stopping, "leave", leave)
    monkeypatch.setattr(last_resort, "LONGEST_OVERTIME", 0.0)
    with last_resort.last_resort(0):
        assert ended.wait(120)
    assert codes == [3]
    assert "the run has not ended 0 s after --timeout" in capsys.readouterr().err
