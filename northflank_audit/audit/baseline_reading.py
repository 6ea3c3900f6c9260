"""Reads an earlier report or a baseline file to compare with."""

import os
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

import msgspec

from northflank_audit import jsontext, typed
from northflank_audit.baseline import KIND, Baseline, BaselineFile
from northflank_audit.errors import StartError
from northflank_audit.formats import BASELINE
from northflank_audit.reading import LARGEST_DATA, read_text

REPORT: Final = BASELINE.filename
DEEPEST_EVIDENCE: Final = 110
"""The deepest nesting of maps and lists in a baseline's evidence: slightly deeper than a record may be."""


def read_baseline(path: str) -> Baseline:
    """Read what `--compare` names: an earlier report.json or a baseline file. Raises StartError for other files."""
    try:
        value = _decoded(path, "--compare")
    except StartError as error:
        first = "; a first audit has no earlier report: omit --compare" if not os.path.lexists(path) else ""
        raise StartError(f"{error}{first}") from None
    if _is_baseline_file(value):
        return _converted(lambda: _file_of(value).baseline, f"--compare {path}", "baseline")
    return _converted(lambda: baseline_of(value), f"--compare {path}", REPORT)


def read_report(path: str, option: str) -> Baseline:
    """Read the report.json that an option names. Raises StartError for anything else."""
    value = _decoded(path, option)
    if _is_baseline_file(value):
        raise StartError(f"{option} {path}: a baseline file; name the report.json")
    return _converted(lambda: baseline_of(value), f"{option} {path}", REPORT)


def read_baseline_file(path: str) -> BaselineFile | None:
    """Read a baseline file; None if the file is something else or does not exist."""
    if not os.path.lexists(path):
        return None
    try:
        return _file_of(_decoded(path, path))
    except (StartError, msgspec.ValidationError):
        return None


def _decoded(path: str, option: str) -> Any:
    text = read_text(path, largest=LARGEST_DATA)
    try:
        return jsontext.decode(text.encode())
    except jsontext.InvalidJSON as error:
        raise StartError(f"{option} {path}: not a {REPORT} of this tool ({error})") from None


def _is_baseline_file(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == KIND


def _converted(convert: Callable[[], Baseline], named: str, what: str) -> Baseline:
    try:
        return convert()
    except msgspec.ValidationError as error:
        raise StartError(f"{named}: not a {what} of this tool ({error})") from None


def baseline_of(value: Any) -> Baseline:
    """Return a decoded report.json as a baseline. Raises msgspec.ValidationError for anything else."""
    try:
        baseline = typed.convert(value, Baseline)
        _check_depths([each.evidence for each in chain(baseline.results, baseline.resolved, baseline.unsettled)])
        _check_depths([rule.params for rule in baseline.rules])
    except RecursionError:
        raise msgspec.ValidationError("nested too deeply") from None
    return baseline


def _file_of(value: Any) -> BaselineFile:
    """Return a decoded baseline file. Raises msgspec.ValidationError for anything else."""
    try:
        made = typed.convert(value, BaselineFile)
        _check_depths([rule.params for rule in made.rules])
    except RecursionError:
        raise msgspec.ValidationError("nested too deeply") from None
    return made


def _check_depths(values: Iterable[Any]) -> None:
    for value in values:
        _check_depth(value, DEEPEST_EVIDENCE)


def _check_depth(value: Any, levels: int) -> None:
    """Raise RecursionError where a value is nested more deeply."""
    if isinstance(value, dict | list):
        if not levels:
            raise RecursionError
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, levels - 1)
