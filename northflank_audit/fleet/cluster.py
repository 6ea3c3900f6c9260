"""The workers of a Dask cluster, which may be on other machines.

A task carries a target without its token, and returns the target's reports, because workers may lack the folder of
reports.
"""

import logging
import math
import os
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from northflank_audit.bounded import OutOfTime, within
from northflank_audit.delivery import files
from northflank_audit.delivery.previous import previous
from northflank_audit.errors import DeliveryError, StartError
from northflank_audit.fleet.fleet_report import INCOMPLETE, Target
from northflank_audit.fleet.job import Job, Started
from northflank_audit.fleet.target_run import Delivered, run_elsewhere
from northflank_audit.installed import missing
from northflank_audit.northflank.token import is_loopback
from northflank_audit.printable import printable

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 20
"""Seconds that the scheduler has to answer."""
WORKER_SECONDS: Final = 60
"""Seconds that the cluster has to start a worker where it has none."""
RUNNING: Final = "running"
_LOST: Final = "the scheduler of the cluster was lost"


def _silence() -> None:
    """Let Dask log nothing, which has set up some loggers of its own: what matters is said by the outcomes."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """The files of TLS with the scheduler; without them, Dask's own configuration counts."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def security(self, distributed: Any) -> Any:
        """Return it in Dask's form; None for Dask's own configuration."""
        given = {"tls_ca_file": self.ca, "tls_client_cert": self.certificate, "tls_client_key": self.key}
        if not any(given.values()):
            return None
        return distributed.Security(require_encryption=True, **{name: path for name, path in given.items() if path})


@dataclass(eq=False, slots=True)
class ClusterWorker:
    """One worker of the cluster, and the folder where the reports of its targets are kept."""

    executor: Executor
    capacity: int
    folder: str
    running: set[Future[Delivered]] = field(default_factory=set)

    def start(self, job: Job) -> Started:
        """Run a target there."""
        future = self.executor.submit(run_elsewhere, job)
        self.running.add(future)
        return Started(future, future)

    def outcome(self, future: Future[Delivered]) -> Target:
        """Keep a target's reports, and return its outcome."""
        self.running.discard(future)
        try:
            delivered = future.result()
        except import_module("distributed").KilledWorker:
            raise BrokenExecutor("several workers ended while they ran it") from None
        target = delivered.target
        try:
            self._keep(delivered)
        except DeliveryError as error:
            reasons = [*target.incomplete_reasons, str(error).replace(f"{self.folder}{os.sep}", "")]
            return replace(
                target, complete=False, exit_code=INCOMPLETE, incomplete_reasons=reasons, report=None, reports={}
            )
        return target

    def _keep(self, delivered: Delivered) -> None:
        if not delivered.reports:
            return
        folder, target = Path(self.folder), delivered.target
        with files.alone(str(folder / target.name)):
            if delivered.saw_nothing:
                files.write_all(list(previous((name, str(folder / path)) for name, path in target.reports.items())))
            files.write_all([(str(folder / path), content) for path, content in delivered.reports.items()])

    def end(self, future: Future[Any]) -> None:
        """Stop to wait for a target that hangs; the worker's own last resort ends it."""
        future.cancel()

    def lost(self) -> None:
        """Stop to wait: Dask itself keeps targets for a worker that has ended if no other one is there at that time."""
        for each in self.running:
            each.cancel()

    def stop(self) -> None:
        """Leave the worker to the cluster."""


class ClusterWorkers:
    """The workers of the cluster with a scheduler at this address."""

    at_once: float = math.inf

    def __init__(self, address: str, folder: str, encryption: Encryption) -> None:
        """Connect. `folder` is where reports are kept. Raises StartError."""
        try:
            distributed: Any = import_module("distributed")  # an extra
        except ImportError:
            raise missing("--scheduler", "fleet") from None
        _silence()
        parts = urlsplit(address)
        if parts.scheme == "tcp" and not is_loopback(parts.hostname or ""):
            log.warning("--scheduler %s is neither encrypted nor authenticated: use tls://", printable(address))
        self._folder = os.path.abspath(folder)  # noqa: PTH100 - as in the reasons that name it
        self._workers: dict[str, ClusterWorker] = {}
        try:
            connect = partial(distributed.Client, address, timeout=CONNECT_SECONDS, set_as_default=False)
            # Its own limit is for a connection, and not for what answers there.
            self._client = within(
                CONNECT_SECONDS + 1, partial(connect, security=encryption.security(distributed)), "connect"
            )
        except OutOfTime:
            raise StartError(f"--scheduler {printable(address)}: no scheduler of Dask answers there") from None
        except (OSError, ValueError, TypeError, ImportError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StartError(f"--scheduler {printable(address)}: no connection ({printable(reason)})") from None

    def all(self) -> Sequence[ClusterWorker]:
        """Return the cluster's workers, waiting a while for the first. Raises BrokenExecutor without any."""
        try:
            if self._client.status == RUNNING and not (threads := self._client.nthreads()):
                self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
                threads = self._client.nthreads()
        except TimeoutError:
            raise BrokenExecutor("the cluster has no worker") from None
        except Exception:  # noqa: BLE001 - Dask raises many kinds
            raise BrokenExecutor(_LOST) from None
        if self._client.status != RUNNING:
            raise BrokenExecutor(_LOST)
        for address in self._workers.keys() - threads.keys():
            self._workers.pop(address).lost()
        for address, count in threads.items():
            if address not in self._workers:
                executor = self._client.get_executor(workers=[address], allow_other_workers=True, pure=False)
                self._workers[address] = ClusterWorker(executor, count, self._folder)
        return [self._workers[address] for address in threads]

    def alone(self) -> ClusterWorker:
        """Return all workers as one, of which Dask chooses."""
        self.all()
        return ClusterWorker(self._client.get_executor(pure=False), 1, self._folder)

    def close(self) -> None:
        """Disconnect, which ends what is still under way."""
        self._client.close(timeout=CONNECT_SECONDS)
