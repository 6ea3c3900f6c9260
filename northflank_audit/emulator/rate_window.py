"""The window of a token's rate limit."""

import math
import threading
import time

from northflank_audit.emulator.fault_plan import Plan


class RateWindow:
    """Counts the requests of a token."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began = -math.inf
        self._requests = 0
        self._lock = threading.Lock()

    def count(self) -> dict[str, int]:
        """Count a request and return the rate limit's headers; remaining is below 0 where it is used up."""
        with self._lock:
            now = time.monotonic()
            if now - self._began >= self._plan.window:
                self._began, self._requests = now, 0
            self._requests += 1
            return {
                "x-ratelimit-limit": self._plan.rate_limit,
                "x-ratelimit-remaining": self._plan.rate_limit - self._requests,
                "x-ratelimit-reset": math.ceil(self._plan.window - (now - self._began)),
            }
