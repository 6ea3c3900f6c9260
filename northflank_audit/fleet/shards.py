"""Splits a fleet into parts, and joins the parts' reports."""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

from msgspec import UNSET

from northflank_audit.errors import StartError
from northflank_audit.fleet.fleet_report import FleetReport, FleetRun, Shard, Target, digest_of
from northflank_audit.formats.text import listed

LONGEST_PAUSE: Final = dt.timedelta(hours=6)
"""Between the end of some parts and the beginning of the next. After a longer one, the parts are not of one run."""


class Part(NamedTuple):
    """Part `number`, from 1, of `of`."""

    number: int
    of: int

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read `I/N`. Raises ValueError."""
        found = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text.strip())
        if found is None or int(found[1]) > int(found[2]):
            raise ValueError(f"'{text}' is not I/N, such as 1/4: part I, from 1 to N, of N")
        return cls(int(found[1]), int(found[2]))

    def has(self, name: str) -> bool:
        """Return whether a target is in this part, which depends on its name alone."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        return number % self.of == self.number - 1


def merged(parts: Sequence[tuple[str, FleetReport]], run_id: str) -> FleetReport:
    """Join the reports of all parts of a fleet, each with its place.

    Raises StartError for overlaps and gaps, and for a part of another run than the others'.
    """
    shards = [_shard(place, report) for place, report in parts]
    (_, first), first_shard = parts[0], shards[0]
    for (place, report), shard in zip(parts, shards, strict=True):
        if shard.of != first_shard.of:
            raise StartError(f"{place}: a part of {shard.of}, and {parts[0][0]} is a part of {first_shard.of}")
        if shard.names != first_shard.names:
            raise StartError(f"{place} and {parts[0][0]} are parts of different fleets: their targets have other names")
        if report.tool != first.tool:
            raise StartError(
                f"{place}: by version {report.tool.version}, and {parts[0][0]} by version {first.tool.version}"
            )
    _check_parts(parts, shards)
    _check_times(parts)
    targets = [target for _, report in parts for target in report.targets]
    if not targets:
        raise StartError("none of the parts has a target: a fleet has one at least")
    _check_names(parts, targets, first_shard.names)
    run = FleetRun(
        id=run_id,
        started_at=min(report.run.started_at for _, report in parts),
        finished_at=max(report.run.finished_at for _, report in parts),
    )
    return FleetReport.of(first.tool, run, targets)


def _shard(place: str, report: FleetReport) -> Shard:
    if report.shard is UNSET:
        raise StartError(f"{place}: the report of a whole fleet, not of a part of one (--shard)")
    return report.shard


def _check_parts(parts: Sequence[tuple[str, FleetReport]], shards: Sequence[Shard]) -> None:
    """Raise StartError for a part that comes twice or is missing."""
    places: dict[int, str] = {}
    for (place, _), shard in zip(parts, shards, strict=True):
        if shard.part in places:
            raise StartError(f"{place} and {places[shard.part]} are both part {shard.part} of {shard.of}")
        places[shard.part] = place
    if gaps := [number for number in range(1, shards[0].of + 1) if number not in places]:
        raise StartError(f"of {shards[0].of} parts, {_numbers(gaps)} missing")


def _check_times(parts: Sequence[tuple[str, FleetReport]]) -> None:
    """Raise StartError for a part that an earlier run has left: what it says may have changed since."""
    runs = sorted((report.run.started_at, report.run.finished_at, place) for place, report in parts)
    _, ended, last = runs[0]
    for began, finished, place in runs:
        if began - ended > LONGEST_PAUSE:
            raise StartError(
                f"{last} ended on {_minute(ended)}, hours before {place} began on {_minute(began)}: "
                "run all parts together, and remove what earlier runs have left"
            )
        ended, last = max((ended, last), (finished, place))


def _minute(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y-%m-%d at %H:%M} UTC"


def _numbers(numbers: Sequence[int]) -> str:
    return f"part {numbers[0]} is" if len(numbers) == 1 else f"parts {listed(list(map(str, numbers)))} are"


def _check_names(parts: Sequence[tuple[str, FleetReport]], targets: Iterable[Target], names: str) -> None:
    """Raise StartError for a target that comes twice or is missing."""
    counts = Counter(each.name for each in targets)
    for name, count in counts.items():
        if count > 1:
            places = [place for place, report in parts if any(each.name == name for each in report.targets)]
            raise StartError(f"the target '{name}' is in several parts: {listed(places)}")
    if digest_of(counts) != names:
        raise StartError("the parts lack targets of their fleet, or have others: run all parts by the same fleet file")
