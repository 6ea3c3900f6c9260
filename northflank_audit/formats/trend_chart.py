"""Figures for a chart of open violations over runs."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from northflank_audit.formats.text import moment, plural
from northflank_audit.model import Severity
from northflank_audit.trend import TrendPoint

MOST: Final = 120
"""Runs in a chart; of more, the last of each interval of equal length is shown."""
WIDTH: Final = 960
HEIGHT: Final = 160
_GAP: Final = 1


class Segment(NamedTuple):
    """The violations of a severity in a bar, in units of the chart."""

    severity: str
    y: float
    height: float


class TrendBar(NamedTuple):
    """A run."""

    x: float
    width: float
    segments: list[Segment]
    incomplete: bool
    text: str
    """The same for a person: `2026-01-02 06:00 UTC: 3 critical, 2 high`."""


class Chart(NamedTuple):
    """A chart of at least two runs."""

    bars: list[TrendBar]
    most: int
    """The violations of the highest bar, which has the full height."""
    totals: list[int]
    """Open violations after each run, of all severities."""
    summary: str
    """A description for those who do not see it."""
    first: str
    last: str
    """The times of its ends."""


def chart(points: Sequence[TrendPoint]) -> Chart | None:
    """Return the chart of some runs, the oldest first; None for fewer than two."""
    if len(points) < 2:  # noqa: PLR2004 - one run is no trend
        return None
    kept = _thinned(points)
    most = max(1, *(sum(each.open.values()) for each in kept))
    width = WIDTH / len(kept)
    bars = [_bar(each, index * width, width - min(_GAP, width / 4), most) for index, each in enumerate(kept)]
    totals = [sum(each.open.values()) for each in points]
    return Chart(bars, most, totals, _summary(points, totals), moment(points[0].at), moment(points[-1].at))


def _thinned(points: Sequence[TrendPoint]) -> list[TrendPoint]:
    """Return at most `MOST` runs: the last of each interval."""
    count = min(len(points), MOST)
    return [points[(index + 1) * len(points) // count - 1] for index in range(count)]


def _bar(point: TrendPoint, x: float, width: float, most: int) -> TrendBar:
    segments, below = [], 0
    for severity in reversed(Severity):  # the worst is at the bottom
        count = point.open.get(severity, 0)
        if count:
            height = round(HEIGHT * count / most, 2)
            below += count
            segments.append(Segment(severity, round(HEIGHT - HEIGHT * below / most, 2), height))
    text = f"{moment(point.at)}: {open_text(point)}{'' if point.complete else ' (incomplete)'}"
    return TrendBar(round(x, 2), round(width, 2), segments, not point.complete, text)


def open_text(point: TrendPoint) -> str:
    """Return the open violations after a run: `3 critical, 2 high`."""
    counts = [f"{point.open[each]} {each}" for each in reversed(Severity) if point.open.get(each)]
    return ", ".join(counts) or "no open violation"


def _summary(points: Sequence[TrendPoint], totals: Sequence[int]) -> str:
    incomplete = sum(not each.complete for each in points)
    besides = f"; {plural(incomplete, 'run')} incomplete" if incomplete else ""
    return (
        f"Open violations after {plural(len(points), 'run')}, from {moment(points[0].at)} to {moment(points[-1].at)}: "
        f"{totals[0]} at first, {max(totals)} at most, {totals[-1]} at last ({open_text(points[-1])}){besides}."
    )
