"""The fleet's metrics: one series for each target, and no success that never was."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from northflank_audit.errors import DeliveryError
from northflank_audit.fleet import fleet_metrics
from northflank_audit.fleet.fleet_report import Shard, digest_of
from tests.conftest import NET, needed
from tests.delivery.conftest import brisk, hurry, patient, serve  # noqa: F401 - fixtures
from tests.fleet.fleets import PASSED, fleet_of, incomplete, mixed, run, target

P = "northflank_audit_"
SUCCESS = "last_success_timestamp_seconds"


def read(text):
    """Return each sample's value by its name and labels, without those that all have."""
    return {
        (sample.name.removeprefix(P), *(value for name, value in sample.labels.items() if name not in ("fleet", "shard"))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }  # fmt: skip


def stamp(hour):
    return run(hour).finished_at.timestamp()


def fleet_at(hour, *, whole):
    """Return a fleet of two targets, the second of which is complete or not."""
    second = target("b", {"data": PASSED}, hour=hour) if whole else incomplete("b", hour=hour)
    return fleet_of(target("a", {"data": PASSED}, hour=hour), second, hour=hour)


@pytest.fixture
def gateway():
    """Serve what a Pushgateway does: PUT replaces a group, and /metrics has all of them."""
    groups = {}

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            groups[self.path] = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(b"")

        def do_GET(self):
            lines = [line for text in groups.values() for line in text.splitlines()]
            self._answer("".join(f"{line}\n" for line in lines if not line.startswith("#")).encode())

        def _answer(self, content):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.groups, server.url = groups, f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_every_target_has_its_series_and_promtool_agrees(tmp_path):
    file = tmp_path / "fleet.prom"
    fleet_metrics.write(str(file), mixed(), "customers")
    found = read(file.read_text())
    assert {key[1]: value for key, value in found.items() if key[0] == "exit_code"} == {
        "alpha": 0, "bravo": 1, "charlie": 3, "delta": 2, "echo": 0,
    }  # fmt: skip
    assert {key[1]: value for key, value in found.items() if key[0] == "complete"} == {
        "alpha": 1, "bravo": 1, "charlie": 0, "delta": 0, "echo": 1,
    }  # fmt: skip
    assert (found["violations", "critical", "bravo"], found["violations", "high", "bravo"]) == (2, 0)
    assert [key for key in found if key[0] == "violations" and key[2] in ("charlie", "delta")] == [
        ("violations", "high", "charlie")
    ]
    assert [key[1] for key in found if key[0] == SUCCESS] == ["alpha", "bravo", "echo"]
    verdicts = {key[1]: value for key, value in found.items() if key[0] == "fleet_targets"}
    assert verdicts == {"not started": 1, "incomplete": 1, "violated": 1, "inconclusive": 1, "passed": 1}
    assert (found["fleet_complete",], found["fleet_exit_code",]) == (0, 3)
    for family in text_string_to_metric_families(file.read_text()):
        assert all(sample.labels["fleet"] == "customers" for sample in family.samples)
        assert family.documentation.endswith(".")
    done = subprocess.run(
        [needed("promtool"), "check", "metrics"],
        input=file.read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=NET,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_an_incomplete_target_keeps_the_time_of_its_last_success_in_the_file(tmp_path):
    file = tmp_path / "fleet.prom"
    for hour, whole, last in ((6, True, 6), (7, False, 6), (8, False, 6), (9, True, 9)):
        fleet_metrics.write(str(file), fleet_at(hour, whole=whole), "f")
        found = read(file.read_text())
        assert (found[SUCCESS, "a"], found[SUCCESS, "b"]) == (stamp(hour), stamp(last))
        assert found["complete", "b"] == int(whole)
    fleet_metrics.write(str(file), fleet_at(10, whole=False), "another-fleet")
    assert (SUCCESS, "b") not in read(file.read_text())


def test_a_pushed_success_stays_until_the_next_in_each_part(gateway):
    shard = Shard(part=1, of=2, names=digest_of(["a", "b"]))
    for hour, whole, last in ((6, True, 6), (7, False, 6), (8, False, 6)):
        fleet_metrics.push(gateway.url, replace(fleet_at(hour, whole=whole), shard=shard), "f")
        (found,) = [read(text) for path, text in gateway.groups.items() if "fleet_success" in path]
        assert {key[1]: value for key, value in found.items()} == {"a": stamp(hour), "b": stamp(last)}
    fleet_metrics.push(gateway.url, fleet_of(target("c", {"data": PASSED})), "g")
    assert sorted(gateway.groups) == [
        f"/metrics/job/northflank_audit_fleet{success}/{labels}"
        for success in ("", "_success")
        for labels in ("fleet/f/shard/1-of-2", "fleet/g")
    ]


def test_a_target_that_was_never_complete_has_no_success(gateway, tmp_path):
    fleet_metrics.push(gateway.url, fleet_of(incomplete()), "f")
    assert [path for path in gateway.groups if "success" in path] == []
    fleet_metrics.write(str(tmp_path / "a.prom"), fleet_of(incomplete()), "f")
    assert [key for key in read((tmp_path / "a.prom").read_text()) if key[0] == SUCCESS] == []


@pytest.mark.parametrize("answer", [404, "hang", "cut", "garbage", "endless"])
def test_a_gateway_that_does_not_say_what_was_before_fails_the_push(serve, hurry, monkeypatch, answer):  # noqa: F811 - fixtures
    server, read_before = serve(200, answer), fleet_metrics.gateway_samples

    def hurried(*asked):
        if answer in ("hang", "endless"):
            hurry()
        return read_before(*asked)

    monkeypatch.setattr(fleet_metrics, "gateway_samples", hurried)
    with pytest.raises(DeliveryError, match="earlier runs could not be read") as failed:
        fleet_metrics.push(server.url, fleet_of(incomplete()), "f")
    assert "s3cr3t" not in str(failed.value)
    assert len(server.paths) >= 2
