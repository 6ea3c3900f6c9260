"""Plans the run of a fleet: reads its file, selects a part of it, and makes a job of each target."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType

from northflank_audit.audit.policy_reading import RuleReader
from northflank_audit.audit.tool import new_run_id
from northflank_audit.cli.bare_run import bare_run
from northflank_audit.cli.fleet_clashes import FleetFiles
from northflank_audit.cli.fleet_file import OF_THE_FLEET, FleetTarget, TargetReader, read_fleet_file
from northflank_audit.cli.fleet_options import DELIVERY
from northflank_audit.cli.fleet_paths import below
from northflank_audit.config.policy import read_rules
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileError, FileErrors, StartError, in_order
from northflank_audit.fleet.fleet_report import Shard, digest_of
from northflank_audit.fleet.job import Job
from northflank_audit.fleet.shards import Part

NOT_FLAGS: Final = (*OF_THE_FLEET, "output", "save_snapshot", "compare")
"""The options of `run` that are not flags of a fleet, by their names in Python."""
_READ: Final = ("notify_file", "scheduler_ca", "scheduler_cert", "scheduler_key")
"""The flags of a fleet that name files which it reads."""


class FleetPlan(NamedTuple):
    """What to run."""

    jobs: list[Job]
    run_id: str
    shard: Shard | UnsetType
    document: Document
    """The fleet file."""


def planned(file: str, flags: Mapping[str, Any], output_dir: str, part: Part | None = None) -> FleetPlan:
    """Read a fleet file. `flags` are options of `run` by their names in Python, and `output_dir` is absolute.

    Raises StartError for every mistake in the file.
    """
    document = read_fleet_file(file)
    folder = below(".", os.path.dirname(file))  # noqa: PTH120 - the folder of "fleet.yaml" is ""
    files = _files(document, flags, output_dir)
    everyone = TargetReader(document, bare_run(), _of_targets(flags), folder, files).read()
    targets = [each for each in everyone if part is None or part.has(each.name)]
    _check_rules(document, targets)
    run_id = new_run_id()
    shard: Shard | UnsetType = UNSET
    if part is not None:
        shard = Shard(part=part.number, of=part.of, names=digest_of(each.name for each in everyone))
    return FleetPlan([_job(each, run_id, (folder, output_dir)) for each in targets], run_id, shard, document)


def _files(document: Document, flags: Mapping[str, Any], output_dir: str) -> FleetFiles:
    """Return the fleet's own files: its reports and metrics, and what it reads besides its file."""
    server = document.value.get("email")
    server = server.get("smtp") if isinstance(server, dict) else None
    password = server.get("password-file") if isinstance(server, dict) else None
    read = [*(flags.get(name) for name in _READ), password]
    metrics = flags.get("metrics_file")
    return FleetFiles(
        output_dir,
        [] if metrics is None else [below(".", metrics)],
        [below(".", each) for each in read if isinstance(each, str)],
    )


def _of_targets(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that apply to every target."""
    own = {param.name for param in bare_run().params} - {*NOT_FLAGS, *DELIVERY}
    return {name: value for name, value in flags.items() if name in own}


def _job(target: FleetTarget, run_id: str, folders: tuple[str, ...]) -> Job:
    return Job(
        name=target.name,
        settings=target.settings,
        token_variable=target.token_variable,
        fleet=run_id,
        folders=folders,
    )


def _check_rules(document: Document, targets: Sequence[FleetTarget]) -> None:
    """Raise FileErrors for overrides and names of rules that do not exist: they are mistakes in the fleet file.

    Mistakes in other files concern only the targets that name them.
    """
    reader, mistakes = RuleReader(), list[FileError]()
    places = {each["name"]: ("targets", index) for index, each in enumerate(document.value["targets"])}
    for target in targets:
        try:
            reader.read(target.settings)
        except FileErrors as error:
            mistakes += [each for each in error.errors if each.path == document.path]
        except StartError as error:
            if _can_be_read(target):
                mistakes.append(document.error(places[target.name], str(error)))
    if mistakes:
        raise FileErrors(in_order(mistakes))


def _can_be_read(target: FleetTarget) -> bool:
    try:
        return not read_rules(target.settings.rules).diagnostics
    except StartError:
        return False
