"""The policy of a run: rule files, overrides, waivers, and the report to compare with, read and checked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from northflank_audit import shipped
from northflank_audit.errors import StartError
from northflank_audit.model import Result, Rule, Waiver
from northflank_audit.policy import rules as rule_files
from northflank_audit.policy import waivers as waiver_files
from northflank_audit.policy.yamlfile import Document
from northflank_audit.settings import read_text

RULE_FILES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run judges by."""

    rules: list[Rule]
    waivers: list[Waiver]
    earlier: list[Result] | None


class _Earlier(msgspec.Struct, rename="camel"):
    """What `--compare` needs of an earlier report."""

    schema_version: str
    results: list[Result]


def read_rules(paths: Sequence[str]) -> list[tuple[str, str]]:
    """Return (path, exact text) of each rule file; a folder stands for the files in it, sorted by name.

    Without paths, the shipped rules. Raises StartError for a path that is not there or holds no rule file.
    """
    if not paths:
        root = shipped.RULES.parent
        return [(file.relative_to(root).as_posix(), read_text(str(file), exact=True)) for file in _files(shipped.RULES)]
    found = []
    for path in paths:
        files = list(_files(Path(path)))
        if not files:
            raise StartError(f"--rules {path}: no {' or '.join(RULE_FILES)} file in it")
        found += [(str(file), read_text(str(file), exact=True)) for file in files]
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.iterdir() if file.suffix in RULE_FILES and file.is_file())
    else:
        yield path


def select_rules(
    paths: Sequence[str], only: Sequence[str], skip: Sequence[str], *configs: Document | None
) -> list[Rule]:
    """Return the rules to run, with each config's overrides. Raises StartError for every mistake in them."""
    rules = rule_files.load(read_rules(paths))
    known = {rule.id for rule in rules}
    for config in configs:
        if config is not None and config.value:
            rules = rule_files.override(rules, config)
    switched_off = known - {rule.id for rule in rules}
    asked_and_off = sorted(switched_off.intersection(only))
    if asked_and_off:
        raise StartError(f"--rule {asked_and_off[0]}: the config file switches it off")
    return rule_files.select(rules, only, [name for name in skip if name not in switched_off])


def read_waivers(path: str) -> list[Waiver]:
    """Read a waiver file."""
    return waiver_files.load(path, read_text(path))


def read_earlier(path: str) -> list[Result]:
    """Read the results of an earlier report.json. Raises StartError where it is not one."""
    try:
        return msgspec.json.decode(read_text(path).encode(), type=_Earlier).results
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StartError(f"--compare {path}: not a report.json of this tool ({error})") from None
