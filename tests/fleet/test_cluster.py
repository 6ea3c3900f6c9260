"""The targets of a fleet run on a Dask cluster as on this machine."""

import json
import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import distributed
import pytest
import trustme

from northflank_audit.cli import fleet_command
from northflank_audit.emulator import Fault
from northflank_audit.errors import StartError
from northflank_audit.fleet import cluster as cluster_module
from northflank_audit.fleet.cluster import ClusterWorkers, Encryption
from northflank_audit.fleet.fleet_run import run_fleet
from tests.conftest import NET, ROOT, until
from tests.fleet import misbehaving
from tests.fleet.conftest import TEAMS, TOKENS, InThreads, job, outcomes_of, without_runs


class Cluster:
    """A scheduler and its workers, as processes on loopback."""

    def __init__(self, folder: Path, scheme: str = "tcp", tls: tuple[str, ...] = ()) -> None:
        self.folder, self.tls, self.processes = folder, tls, []
        ready = folder / "scheduler.json"
        arguments = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--protocol", scheme]
        self.scheduler = self._start("scheduler", *arguments, "--scheduler-file", str(ready))
        until(lambda: ready.exists() and ready.read_text().endswith("}"))
        self.url = json.loads(ready.read_text())["address"]

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{kind}-{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind, *arguments, *self.tls]
        environment = {
            **os.environ,
            **TOKENS,
            "PYTHONPATH": str(ROOT),
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        }
        with log:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        arguments = ["--no-nanny", "--nthreads", "2", "--no-dashboard", "--local-directory", str(self.folder)]
        return self._start("worker", self.url, *arguments)

    @property
    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def close(self) -> None:
        for each in self.processes:
            each.kill()
            each.wait(NET)


@contextmanager
def made(folder: Path, **options) -> Iterator[Cluster]:
    cluster = Cluster(folder, **options)
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(autouse=True)
def _patient(monkeypatch) -> None:
    """Give schedulers and workers any time to start and to answer."""
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", NET)
    monkeypatch.setattr(cluster_module, "WORKER_SECONDS", NET)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    with made(tmp_path_factory.mktemp("dask")) as cluster:
        cluster.worker()
        yield cluster


@pytest.fixture
def expected(fleet, everyone, tmp_path, monkeypatch) -> bytes:
    """Return the fleet.json of one target after the other, less its runs."""
    with monkeypatch.context() as patch:
        patch.setattr(fleet_command, "LocalWorkers", InThreads)
        assert fleet(everyone, "--jobs", 1, "--output-dir", "one").code == 3
    return without_runs(tmp_path / "one/fleet.json")


def test_a_worker_that_is_killed_in_mid_run_changes_nothing(fleet, everyone, expected, serve, cluster, tmp_path):
    silent = Fault(path=f"/v1/teams/{TEAMS[4]}/*", nth=1, stall="head")  # its run goes on until its worker is killed
    other = cluster.worker()
    with serve(silent) as server:

        def kill() -> None:
            until(lambda: len(server.requests) >= 3 and any(TEAMS[4] in each.path for each in server.requests))
            cluster.processes[1].kill()
            other.kill()
            cluster.worker()

        killer = threading.Thread(target=kill)
        killer.start()
        ended = fleet(everyone, "--scheduler", cluster.url, "--output-dir", "two", NORTHFLANK_API_BASE_URL=server.url)
        killer.join(NET)
    assert ended.code == 3
    assert without_runs(tmp_path / "two/fleet.json") == expected
    assert (tmp_path / f"two/customer-{TEAMS[0]}/report.json").exists()
    assert not any(token in cluster.logs for token in TOKENS.values())


def test_the_reports_come_back(fleet, everyone, expected, cluster, tmp_path):
    page = tmp_path / f"two/customer-{TEAMS[2]}/report.html"
    page.parent.mkdir(parents=True)
    page.write_text('<meta name="audit-outcome" content="PASSED">')
    unset = {"name": "unset", "token-env": "TOKEN_THAT_IS_NOT_SET"}
    targets = json.loads(everyone.read_text())
    targets["targets"].append(unset)
    everyone.write_text(json.dumps(targets))
    options = ("--scheduler", cluster.url, "--output-dir", "two", "--format", "html,json")
    assert fleet(everyone, *options).code == 3
    assert outcomes_of(tmp_path / "two/fleet.json")["unset"] == 2
    assert not (tmp_path / "two/unset").exists(), "no folder without reports"
    assert "PASSED" in page.with_name("report.previous.html").read_text(), "an empty page replaces no complete one"
    assert "PASSED" not in page.read_text()[:3000]
    assert not list(tmp_path.glob("two/**/*.tmp"))


def test_a_task_holds_no_token(monkeypatch):
    for name, token in TOKENS.items():
        monkeypatch.setenv(name, token)
    each = job("a", history="postgresql://audit:not-a-real-password@db/audit")
    assert not any(token.encode() in pickle.dumps(each) for token in TOKENS.values())
    assert "password" not in repr(each), "Dask logs what it could not run"


def test_a_target_that_kills_its_workers_costs_only_itself(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_module, "run_elsewhere", misbehaving.elsewhere)
    (tmp_path / "victim.runs").write_text("1\n")  # which the killer waits for
    jobs = [job("bystander", folder=tmp_path), job("killer", folder=tmp_path)]
    done = threading.Event()

    def replace() -> None:
        while not done.wait(0.2):
            if cluster.processes[-1].poll() is not None:
                cluster.worker()

    cluster.worker()
    for each in cluster.processes[1:-1]:
        each.kill()
    replacer = threading.Thread(target=replace)
    replacer.start()
    try:
        workers = ClusterWorkers(cluster.url, str(tmp_path), Encryption())
        report = run_fleet(jobs, workers, "r0", lambda _: None)
    finally:
        done.set()
        replacer.join(NET)
    ended = {each.name: each for each in report.targets}
    assert (ended["bystander"].exit_code, ended["killer"].exit_code) == (0, 3)
    assert ended["killer"].incomplete_reasons == ["no verdict: its worker ended first, twice"]


def test_a_cluster_without_workers_or_that_is_lost_leaves_no_target_out(
    fleet, everyone, serve, tmp_path_factory, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 0.1)
    silent = Fault(path=f"/v1/teams/{TEAMS[4]}/*", stall="head")
    with made(tmp_path_factory.mktemp("lost")) as lost, serve(silent) as server:
        assert fleet(everyone, "--scheduler", lost.url).code == 3
        assert (tmp_path / "reports/fleet.json").read_text().count("no verdict: the cluster has no worker") == len(
            TEAMS
        )
        lost.worker()
        monkeypatch.setattr(cluster_module, "WORKER_SECONDS", NET)

        def kill() -> None:
            until(lambda: any(TEAMS[4] in each.path for each in server.requests))
            lost.scheduler.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        ended = fleet(everyone, "--scheduler", lost.url, NORTHFLANK_API_BASE_URL=server.url)
        killer.join(NET)
    assert ended.code == 3
    assert len(outcomes_of(tmp_path / "reports/fleet.json")) == len(TEAMS)
    assert "no verdict: the scheduler of the cluster was lost" in (tmp_path / "reports/fleet.json").read_text()


def test_the_connection_is_encrypted_or_refused(fleet, everyone, expected, tmp_path_factory, tmp_path, monkeypatch):
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    ca, cert, key = (str(folder / f"{name}.pem") for name in ("ca", "cert", "key"))
    tls = ("--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key)
    with made(folder, scheme="tls", tls=tls) as secure:
        secure.worker()
        flags = ("--scheduler-ca", ca, "--scheduler-cert", cert, "--scheduler-key", key)
        assert fleet(everyone, "--scheduler", secure.url, *flags, "--output-dir", "two").code == 3
        assert without_runs(tmp_path / "two/fleet.json") == expected
        monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 2)
        plain = fleet(everyone, "--scheduler", secure.url.replace("tls://", "tcp://"), "--output-dir", "three")
        assert plain.code == 2
        assert "no connection (" in plain.err
        bare = fleet(everyone, "--scheduler", secure.url, "--output-dir", "three")
        assert bare.code == 2
        assert "TLS" in bare.err
    assert not (tmp_path / "three").exists()


def test_a_scheduler_that_is_not_there_is_told(fleet, everyone, monkeypatch, emulator):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    before = len(emulator.requests)
    ended = fleet(everyone, "--scheduler", "tcp://127.0.0.1:9")
    assert ended.code == 2
    assert "--scheduler tcp://127.0.0.1:9: no connection (" in ended.err
    assert len(emulator.requests) == before


def test_without_the_extra_it_says_how_to_install_it(fleet, everyone, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    ended = fleet(everyone, "--scheduler", "tcp://127.0.0.1:9")
    assert ended.code == 2
    assert "--scheduler needs the extra 'fleet': pip install 'distributed'" in ended.err


def test_what_is_no_scheduler_is_told_though_it_takes_the_connection(monkeypatch, tmp_path):
    never = threading.Event()
    dask = SimpleNamespace(Client=lambda *_, **__: never.wait(NET))
    monkeypatch.setattr(cluster_module, "import_module", lambda _name: dask)
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", -0.9)
    with pytest.raises(StartError, match=r"^--scheduler tcp://127\.0\.0\.1:9: no scheduler of Dask answers there$"):
        ClusterWorkers("tcp://127.0.0.1:9", str(tmp_path), Encryption())
    never.set()


def test_dask_logs_nothing_not_even_by_the_loggers_that_it_sets_up():
    client = logging.getLogger(distributed.client.__name__)
    client.setLevel(logging.WARNING)  # as Dask does
    cluster_module._silence()
    assert not client.isEnabledFor(logging.ERROR)
