"""Compares the files that a run writes with each other, and with those that it reads."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from northflank_audit.printable import printable, spelt


def check_apart(outputs: Sequence[str]) -> None:
    """Raise click.UsageError if two outputs of a run have the same destination."""
    written = list(_written(outputs))
    if len(set(written)) < len(written):
        raise click.UsageError("two reports, or a report and a snapshot or metrics, can't go to the same place")


def check_inputs_kept(outputs: Iterable[str], inputs: Iterable[str]) -> None:
    """Raise click.UsageError if an output would replace a file that the run reads, or one of a folder of rules."""
    for output in overwritten(outputs, inputs):
        raise click.UsageError(f"{printable(spelt(output))} is a file that this run reads: write to another one")


def overwritten(outputs: Iterable[str], inputs: Iterable[str]) -> Iterator[str]:
    """Yield each output that would replace an input, or a file of a folder of rules.

    Most have a name that no input has, and are not looked up: a fleet has thousands of reports.
    """
    read = list(inputs)
    names, places, folders = set(map(os.path.basename, read)), set[str](), set[str]()
    for output in outputs:
        is_rule_file = output.endswith((".yaml", ".yml"))
        if os.path.basename(output) not in names and not is_rule_file:  # noqa: PTH119 - as below
            continue
        if not places:
            places, folders = set(map(_place, read)), set(map(os.path.realpath, read))
        place = _place(output)
        is_in_rules = is_rule_file and os.path.dirname(place) in folders  # noqa: PTH120 - as realpath
        if (place in places or is_in_rules) and not _is_device(output):
            yield output


def is_same(file: str, output: str) -> bool:
    """Return whether an output is, or may be, this file, by any path or link."""
    output = "/dev/stdout" if output == "-" else output
    try:
        return os.path.realpath(file) == os.path.realpath(output) or Path(file).samefile(output)
    except (OSError, ValueError):  # one of them does not exist
        return False


def _written(outputs: Sequence[str]) -> Iterator[str]:
    """Yield each path that a run writes to, resolved."""
    yield from filter("-".__eq__, outputs)
    # On a terminal or /dev/null, nothing is overwritten.
    yield from resolved(path for path in outputs if path != "-" and not _is_device(path))


def resolved(paths: Iterable[str]) -> Iterator[str]:
    """Yield paths of files without links, looking at each folder once: a fleet has thousands of reports."""
    folders: dict[str, str] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if sys.platform == "win32" or name in ("", ".", ".."):
            yield os.path.realpath(path)
            continue
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        whole = os.path.join(folders[folder], name)  # noqa: PTH118 - as realpath
        yield os.path.realpath(whole) if os.path.islink(whole) else whole  # noqa: PTH114 - as above


def _is_device(path: str) -> bool:
    try:
        return Path(path).is_char_device()
    except OSError:  # such as a folder that may not be looked into: writing reports it
        return False


def _place(path: str) -> str:
    """Return a path without links, except its last part: an output replaces a link, and leaves the file behind it."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - as realpath
