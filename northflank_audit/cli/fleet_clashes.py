"""Finds what targets of a fleet would write over: files of other targets, those of the fleet, and what any reads."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from northflank_audit.cli.fleet_paths import written
from northflank_audit.config.destinations import is_same, overwritten, resolved
from northflank_audit.config.settings import Settings, inputs, outputs
from northflank_audit.fleet.target_name import RESERVED


class FleetFiles(NamedTuple):
    """The files of the fleet itself, as absolute paths."""

    output_dir: str
    written: Sequence[str] = ()
    """Besides its reports."""
    read: Sequence[str] = ()

    def outputs(self) -> list[str]:
        """Return all that the fleet writes."""
        return [*(os.path.join(self.output_dir, name) for name in RESERVED), *self.written]  # noqa: PTH118 - as given


def clashes(targets: Mapping[str, Settings], fleet: FleetFiles) -> Iterator[tuple[str | None, str]]:
    """Yield what would be written over, with the name of the target that would do it; None: the fleet."""
    yield from _written_twice(targets, fleet)
    writers: dict[str, str | None] = dict.fromkeys(fleet.outputs())
    writers |= {path: name for name, settings in targets.items() for path in outputs(settings)}
    read = dict.fromkeys(path for settings in targets.values() for path in inputs(settings))
    for path in overwritten(writers, read):
        yield writers[path], f"would overwrite a file that a target reads, {path}"
    baselines = {settings.compare for settings in targets.values() if settings.compare is not None}
    for path in overwritten(writers, baselines):
        name = writers[path]
        own = None if name is None else targets[name].compare
        if own is None or not is_same(own, path):  # its own one may be replaced
            yield name, f"would overwrite the baseline of another target, {path}"


def _written_twice(targets: Mapping[str, Settings], fleet: FleetFiles) -> Iterator[tuple[str | None, str]]:
    writers = dict.fromkeys(resolved([*fleet.outputs(), *fleet.read]), "")
    for name, settings in targets.items():
        for path in written(settings):
            if writers.setdefault(path, name) != name:
                other = writers[path]
                yield (
                    name,
                    (
                        f"and '{other}' would write to the same file, {path}"
                        if other
                        else f"would overwrite a file of the fleet, {path}"
                    ),
                )
