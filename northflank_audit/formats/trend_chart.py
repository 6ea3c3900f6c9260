"""Figures for a chart of open violations over runs."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from northflank_audit.formats.text import moment, plural
from northflank_audit.model import Severity
from northflank_audit.trend import TrendPoint

MOST: Final = 120
"""Runs in a chart; of more, the last of each interval of equal length is shown."""
FEW: Final = 40
"""Runs in a chart of the size of a word."""
WIDTH: Final = 960
HEIGHT: Final = 160
_GAP: Final = 1
_MARK_GAP: Final = 3
_MARK: Final = 5
"""The height of the mark of an incomplete run, below the bars."""


class Layer(NamedTuple):
    """The bars of a severity, or (`incomplete`) the marks of incomplete runs."""

    severity: str
    path: str
    """Rectangles, as the path of an SVG, in units of the chart."""


class Chart(NamedTuple):
    """A chart of at least two runs."""

    layers: list[Layer]
    """From bottom to top, the worst severity first."""
    texts: list[str]
    """Each run for a person: `2026-01-02 06:00 UTC: 3 critical, 2 high`."""
    most: int
    """The violations of the highest bar, which has the full height."""
    totals: list[int]
    """Open violations after each run, of all severities."""
    summary: str
    """A description for those who do not see it."""
    first: str
    last: str
    """The times of its ends."""


def chart(points: Sequence[TrendPoint], count: int = MOST) -> Chart | None:
    """Return the chart of some runs, the oldest first, with at most `count` bars; None for fewer than two."""
    if len(points) < 2:  # noqa: PLR2004 - one run is no trend
        return None
    kept = _thinned(points, count)
    most = max(1, *(sum(each.open.values()) for each in kept))
    totals = [sum(each.open.values()) for each in points]
    return Chart(
        layers=[*_layers(kept, most)],
        texts=[_text(each) for each in kept],
        most=most,
        totals=totals,
        summary=_summary(points, totals),
        first=moment(points[0].at),
        last=moment(points[-1].at),
    )


def _thinned(points: Sequence[TrendPoint], most: int) -> list[TrendPoint]:
    """Return at most so many runs: the last of each interval."""
    count = min(len(points), most)
    return [points[(index + 1) * len(points) // count - 1] for index in range(count)]


def _layers(points: Sequence[TrendPoint], most: int) -> Iterator[Layer]:
    width = WIDTH / len(points)
    bar = width - min(_GAP, width / 4)
    below = [0] * len(points)
    for severity in reversed(Severity):  # the worst is at the bottom
        path = ""
        for index, point in enumerate(points):
            count = point.open.get(severity, 0)
            if count:
                below[index] += count
                path += _rectangle(index * width, HEIGHT - HEIGHT * below[index] / most, bar, HEIGHT * count / most)
        if path:
            yield Layer(severity, path)
    marks = [index for index, point in enumerate(points) if not point.complete]
    if marks:
        yield Layer("incomplete", "".join(_rectangle(index * width, HEIGHT + _MARK_GAP, bar, _MARK) for index in marks))


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:.4g} {y:.4g}h{width:.4g}v{height:.4g}h-{width:.4g}z"


def _text(point: TrendPoint) -> str:
    return f"{moment(point.at)}: {open_text(point)}{'' if point.complete else ' (incomplete)'}"


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
