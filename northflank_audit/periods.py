"""Periods such as 30s, 15m, 24h or 7d, and valid times."""

import datetime as dt
import re
from typing import Final

LONGEST: Final = dt.timedelta(days=36_500)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PERIOD: Final = re.compile(r"([0-9]{1,9})([smhd])")
SHAPES: Final = "30s, 15m, 24h or 7d"
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2999
"""Times of runs outside of these are mistakes; those at the ends of the calendar have no UTC."""


def period(text: str) -> dt.timedelta:
    """Return a period. Raises ValueError, whose text says how to write one."""
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a period; write {SHAPES}")
    long = dt.timedelta(seconds=min(int(found[1]) * _UNITS[found[2]], int(LONGEST.total_seconds())))
    if not long:
        raise ValueError("a period must be longer than 0")
    return long


def spelt_period(long: dt.timedelta) -> str:
    """Return a period in its largest whole unit, as `period` reads it: `24h` is `1d`."""
    seconds = int(long.total_seconds())
    unit = next((each for each in "dhm" if seconds and seconds % _UNITS[each] == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"


def rough(long: dt.timedelta) -> str:
    """Return a length of time for people: `3 days`, `5 hours`, `1 minute`."""
    seconds = max(0, int(long.total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def checked_time(time: dt.datetime) -> None:
    """Raise ValueError for a time without a zone, or one that is out of range for calculations."""
    if time.tzinfo is None:
        raise ValueError(f"the time {time.isoformat()} has no time zone")
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(f"the time {time.isoformat()} is not between the years {FIRST_YEAR} and {LAST_YEAR}")
