"""The end of a run's time."""

import math
import time
from collections.abc import Callable


class Deadline:
    """The deadline of a run, `seconds` from now; by default never."""

    def __init__(self, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        """Start to count."""
        self.seconds = seconds
        self.clock = clock
        self._end = clock() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left; 0 after the end."""
        return max(0.0, self._end - self.clock())

    @property
    def overdue(self) -> float:
        """Seconds since the end; 0 before it."""
        return max(0.0, self.clock() - self._end)

    def is_over(self, since: float) -> bool:
        """Return whether it ended more than this many seconds ago."""
        return self.clock() - self._end > since
