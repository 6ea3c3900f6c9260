import datetime as dt
import math
import os
import stat
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from northflank_audit.delivery import metrics
from northflank_audit.errors import DeliveryError
from tests.delivery.conftest import KEY, Peer

P = "northflank_audit_"
ACCOUNT = {"scope": "account", "source": "api"}


def read(text):
    """Return each sample's value, by its name and its labels besides those of the scope."""
    return {
        (sample.name.removeprefix(P), *(value for name, value in sample.labels.items() if name not in ACCOUNT)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }  # fmt: skip


def at(report, hour):
    """Return the report of a run that ended at this hour."""
    finished = dt.datetime(2026, 11, 24, hour, tzinfo=dt.UTC)
    return replace(report, run=replace(report.run, started_at=finished, finished_at=finished))


def hour(value):
    return dt.datetime.fromtimestamp(value, dt.UTC).hour


def written(path, report, scope="account"):
    metrics.write(str(path), report, scope, metrics.last_success(str(path), report, scope))
    return read(path.read_text())


class Gateway(Peer):
    """What a Pushgateway does with POST and PUT: groups by the path, in which metrics are replaced by name."""

    def __init__(self):
        super().__init__()
        self.groups = {}

    def accept(self, asked):
        families = text_string_to_metric_families(asked.body)
        pushed = {family.name: family.samples for family in families if family.samples}  # it drops the empty ones
        kept = {} if asked.method == "PUT" else self.groups.get(asked.path, {})
        self.groups[asked.path] = {**kept, **pushed}

    def group(self, path):
        groups = [self.groups.get(f"/{KEY}/metrics/job/{job}{path}", {}) for job in (metrics.JOB, metrics.SUCCESS_JOB)]
        samples = [sample for group in groups for family in group.values() for sample in family]
        return {(s.name.removeprefix(P), *(v for n, v in s.labels.items() if n not in ACCOUNT)): s.value for s in samples}  # fmt: skip


@pytest.fixture
def gateway(serve):
    return serve(kind=Gateway)


def test_a_run_is_told_in_numbers(full, tmp_path):
    found = written(tmp_path / "a.prom", full)
    assert found["build_info", "1.0.0"] == 1
    assert found["last_run_timestamp_seconds",] == full.run.finished_at.timestamp()
    assert found["last_success_timestamp_seconds",] == full.run.finished_at.timestamp()
    assert found["duration_seconds",] == 2.5
    assert (found["complete",], found["exit_code",]) == (1, 1)
    assert [found[name,] for name in ("requests", "retries", "pages", "credentials")] == [4, 1, 1, 3]
    assert found["resources", "registry-credential"] == 3
    states = {state: found["compared_violations", state] for state in ("new", "ongoing", "resolved", "unsettled")}
    assert states == {"new": 1, "ongoing": 0, "resolved": 2, "unsettled": 2}
    results = {key[1:]: value for key, value in found.items() if key[0] == "results"}
    expected = {(r.id, r.severity, status): count for r in full.rules for status, count in r.counts.items()}
    assert results == expected
    assert results["provider", "low", "waived"] == 1


def test_every_metric_is_a_gauge_with_a_help_and_says_whose_it_is(report, tmp_path):
    written(tmp_path / "a.prom", report, "a,b")
    for family in text_string_to_metric_families((tmp_path / "a.prom").read_text()):
        assert (family.type, family.name.startswith(P)) == ("gauge", True)
        assert family.documentation.endswith(".")
        for sample in family.samples:
            assert {"scope": "a,b", "source": "api"}.items() <= sample.labels.items()


def test_the_node_exporter_can_read_the_file_and_finds_it_whole(report, tmp_path):
    before = os.umask(0o077)
    try:
        written(tmp_path / "a.prom", report)
        (tmp_path / "a.prom").chmod(0o600)
        written(tmp_path / "a.prom", report)
    finally:
        os.umask(before)
    assert [path.name for path in tmp_path.iterdir()] == ["a.prom"]
    assert stat.S_IMODE((tmp_path / "a.prom").stat().st_mode) == 0o644


def test_an_incomplete_run_is_not_green_and_leaves_the_last_success_as_it_was(report, incomplete, tmp_path):
    file = tmp_path / "a.prom"
    written(file, at(report, 1))
    for now in (2, 3):
        found = written(file, at(incomplete, now))
        assert (found["complete",], found["exit_code",]) == (0, 3)
        assert hour(found["last_success_timestamp_seconds",]) == 1
        assert hour(found["last_run_timestamp_seconds",]) == now
    assert hour(written(file, at(report, 4))["last_success_timestamp_seconds",]) == 4


@pytest.mark.parametrize(
    "old",
    [
        None,
        b"",
        b"\xff\x00",
        b"{",
        b"northflank_audit_last_success_timestamp_seconds{",
        *(
            f"northflank_audit_last_success_timestamp_seconds{{{labels}}} {value}\n".encode()
            for labels, value in (
                ('scope="account",source="demo"', 1),
                ('scope="other",source="api"', 1),
                ("", 1),
                ('scope="account",source="api"', "NaN"),
                ('scope="account",source="api"', "+Inf"),
                ('scope="account",source="api"', 4e9),
                ('scope="account",source="api"', 0),
            )
        ),
    ],
)
def test_a_success_that_never_was_is_not_told(incomplete, tmp_path, old):
    file = tmp_path / "a.prom"
    if old is not None:
        file.write_bytes(old)
    assert not any(key[0].startswith("last_success") for key in written(file, at(incomplete, 2)))


def test_a_pushed_success_stays_until_the_next_and_nothing_else_does(full, incomplete, gateway):
    metrics.push(gateway.url, at(full, 1), "account")
    rule = incomplete.rules[0]
    metrics.push(gateway.url, at(replace(incomplete, rules=[rule], comparison=UNSET), 2), "account")
    found = gateway.group("/scope/account/source/api")
    assert (found["complete",], found["exit_code",]) == (0, 3)
    assert hour(found["last_success_timestamp_seconds",]) == 1
    assert hour(found["last_run_timestamp_seconds",]) == 2
    assert {key[1] for key in found if key[0] == "results"} == {rule.id}
    assert not any(key[0] == "compared_violations" for key in found)
    metrics.push(gateway.url, at(full, 3), "account")
    assert hour(gateway.group("/scope/account/source/api")["last_success_timestamp_seconds",]) == 3


def test_scheduled_audits_do_not_overwrite_one_another(report, gateway):
    for scope in ("account", "payments", "a/b c\"'\\é"):
        metrics.push(gateway.url, report, scope)
    demo = replace(report, run=replace(report.run, source=replace(report.run.source, kind="demo")))
    metrics.push(gateway.url, demo, "account")
    groups = [each for each in gateway.groups.values() if "northflank_audit_complete" in each]
    assert (len(groups), len(gateway.groups)) == (4, 8)
    labels = {family["northflank_audit_complete"][0].labels["scope"] for family in groups}
    assert labels == {"account", "payments", "a/b c\"'\\é"}


@pytest.mark.parametrize("answer", [400, 503, "hang", "cut", (307, ("Location", "/elsewhere"))])
def test_a_push_that_fails_says_so_without_the_address(report, serve, hasty, answer):
    server = serve(answer)
    with pytest.raises(DeliveryError, match=r"the metrics could not be pushed to 127\.0\.0\.1: ") as failed:
        metrics.push(server.url.replace("//", f"//u:{KEY}@"), report, "account")
    assert KEY not in str(failed.value)
    assert not any("elsewhere" in path for path in server.paths)


def test_a_gateway_behind_a_password_gets_it(report, gateway):
    metrics.push(gateway.url.replace("//", "//user:word@"), report, "account")
    assert gateway.asked[0].headers["Authorization"] == "Basic dXNlcjp3b3Jk"


def test_a_push_that_fails_makes_the_audit_incomplete_and_the_file_says_so(audited, serve, brisk, tmp_path):
    file = tmp_path / "a.prom"
    assert audited("--metrics-file", file).code == 0
    success = read(file.read_text())["last_success_timestamp_seconds",]
    gone = serve(503)
    ended = audited("--metrics-file", file, "--metrics-push", gone.url)
    found = read(file.read_text())
    assert (ended.code, found["exit_code",], found["complete",]) == (3, 3, 0)
    assert found["last_success_timestamp_seconds",] == success
    assert (ended.report["exitCode"], ended.report["run"]["complete"]) == (3, False)
    assert "pushed to 127.0.0.1: HTTP 503" in ended.report["run"]["incompleteReasons"][0]
    assert KEY not in ended.text + str(ended.report)


def test_a_file_that_can_not_be_written_makes_the_audit_incomplete_and_the_gateway_is_told(audited, gateway, tmp_path):
    (tmp_path / "a.prom").mkdir()
    ended = audited("--metrics-file", tmp_path / "a.prom", "--metrics-push", gateway.url)
    found = gateway.group("/scope/account/source/input")
    assert (ended.code, ended.report["exitCode"], found["exit_code",], found["complete",]) == (3, 3, 3, 0)
    assert not any(key[0].startswith("last_success") for key in found)


def test_metrics_have_the_final_word_whatever_else_fails(audited, serve, brisk, tmp_path):
    (tmp_path / "n.txt").write_text(f"json://{serve(500).place}/{KEY}")
    (tmp_path / "folder").mkdir()
    for failing in (("--notify-file", "n.txt"), ("--output", "md=folder"), ("--output", "md=/dev/full")):
        ended = audited("--metrics-file", "a.prom", *failing, name="bad")
        found = read(Path("a.prom").read_text())
        assert (ended.code, found["exit_code",], found["complete",]) == (3, 3, 0)


def test_the_scope_is_what_was_asked_for(audited, gateway):
    audited("--metrics-push", gateway.url, "--team", "payments")
    assert list(gateway.groups) == [
        f"/{KEY}/metrics/job/{job}/scope/payments/source/input" for job in (metrics.JOB, metrics.SUCCESS_JOB)
    ]


@pytest.mark.parametrize(
    "arguments",
    [("--metrics-file", "a.txt"), ("--metrics-push", f"gateway/{KEY}"), ("--metrics-push", f"http://gateway/?k={KEY}")],
)
def test_what_could_not_work_is_refused_at_the_start(audited, arguments):
    ended = audited(*arguments)
    assert (ended.code, ended.report, KEY in ended.text) == (2, None, False)
    assert f"{arguments[0]}: " in ended.text


def test_a_nought_of_what_could_not_be_seen_is_left_out(report, clean, incomplete, tmp_path):
    seen = written(tmp_path / "a.prom", report)
    assert seen["results", "provider", "low", "unknown"] == 0
    incomplete_run = written(tmp_path / "b.prom", incomplete)
    assert ("results", "provider", "low", "unknown") not in incomplete_run
    assert (incomplete_run["results", "unrestricted", "high", "fail"], incomplete_run[("credentials",)]) == (1, 3)
    lost = "the mail could not be sent"
    run = replace(clean.run, complete=False, incomplete_reasons=[lost], undelivered=[lost])
    undelivered = written(tmp_path / "c.prom", replace(clean, run=run, exit_code=3))
    assert (undelivered["results", "unrestricted", "high", "fail"], undelivered[("complete",)]) == (0, 0)
    nothing = replace(incomplete, coverage=replace(incomplete.coverage, resources=0))
    assert ("credentials",) not in written(tmp_path / "d.prom", nothing)


def test_nothing_is_ever_no_number(report, incomplete, full, tmp_path):
    """A NaN takes the sum of all that is known with it, and an alert on that sum resolves."""
    refused = replace(full, comparison=replace(full.comparison, refused="another account"))
    for each in (report, incomplete, refused, replace(incomplete, rules=[], comparison=UNSET)):
        assert not any(map(math.isnan, written(tmp_path / "a.prom", each).values()))


def test_a_success_that_could_not_be_pushed_makes_the_push_fail(report, serve, brisk):
    server = serve(200, 503)
    with pytest.raises(DeliveryError, match="HTTP 503"):
        metrics.push(server.url, report, "account")
    assert [path.split("/")[4] for path in server.paths][:2] == [metrics.JOB, metrics.SUCCESS_JOB]


def test_no_two_audits_share_a_series_whatever_their_teams_are_called():
    audits = [(), ("account",), ("all-teams",), ("team:account",), ("a", "b"), ("a,b",), ("a%2Cb",), ("account", "b")]
    scopes = [metrics.scope(teams, all_teams=False) for teams in audits] + [metrics.scope((), all_teams=True)]
    assert len(set(scopes)) == len(scopes)
    assert (scopes[0], scopes[1], scopes[4], scopes[-1]) == ("account", "team:account", "a,b", "all-teams")
    assert metrics.scope(("b", "a", "b"), all_teams=False) == "a,b"


def test_a_pipe_in_place_of_the_file_is_not_read(report, tmp_path):
    os.mkfifo(tmp_path / "a.prom")
    (tmp_path / "link.prom").symlink_to("a.prom")
    assert metrics.last_success(str(tmp_path / "link.prom"), report, "account") is None
