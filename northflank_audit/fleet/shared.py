"""What the targets of a fleet share in one process: rules, the limits of tokens, connections."""

import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from northflank_audit.audit.policy_reading import RuleReader
from northflank_audit.northflank.budget import TokenLimit
from northflank_audit.northflank.token import Token

if TYPE_CHECKING:
    from northflank_audit.northflank.transport import CuttableAdapter

_OF_RUN: Final = ("NORTHFLANK_AUDIT_", "GITHUB_STEP_SUMMARY")
"""The beginnings of the variables that apply to `run` alone."""
MOST: Final = 4
"""Fleets that a process remembers; a worker of a cluster may serve several."""


class Shared:
    """What the targets of one fleet share."""

    def __init__(self) -> None:
        self.rules = RuleReader()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_RUN)}
        """The environment without what applies to `run` alone."""
        self._limits: defaultdict[tuple[str, bytes], TokenLimit] = defaultdict(TokenLimit)
        self._idle: defaultdict[str, list[CuttableAdapter]] = defaultdict(list)
        self._lock = threading.Lock()

    def limit(self, address: str, token: Token) -> TokenLimit:
        """Return what all requests to an address with a token share."""
        with self._lock:
            return self._limits[address, hashlib.sha256(token.value.encode()).digest()]

    @contextmanager
    def connections(self, address: str) -> Iterator["CuttableAdapter"]:
        """Lend connections to an address to one run at a time; what stays open is for the next."""
        from northflank_audit.northflank.client import connections  # noqa: PLC0415 - imports requests

        with self._lock:
            adapter = self._idle[address].pop() if self._idle[address] else connections()
        try:
            yield adapter
        finally:
            with self._lock:
                self._idle[address].append(adapter)

    def close(self) -> None:
        """Close the connections that no run uses."""
        with self._lock:
            for idle in self._idle.values():
                for adapter in idle:
                    adapter.close()
            self._idle.clear()


_fleets: Final[dict[str, Shared]] = {}
_lock: Final = threading.Lock()


def shared(fleet: str) -> Shared:
    """Return what the targets of the fleet whose run has this id share in this process."""
    with _lock:
        if fleet not in _fleets:
            while len(_fleets) >= MOST:
                _fleets.pop(next(iter(_fleets)))
            _fleets[fleet] = Shared()
        return _fleets[fleet]


def forget(fleet: str) -> None:
    """Close and drop what a fleet shared in this process, if anything."""
    with _lock:
        found = _fleets.pop(fleet, None)
    if found is not None:
        found.close()
