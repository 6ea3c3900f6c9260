"""Reads an earlier report as the baseline of a comparison."""

import os
from itertools import chain
from typing import Any, Final

import msgspec

from northflank_audit import jsontext
from northflank_audit.baseline import Baseline
from northflank_audit.errors import StartError
from northflank_audit.model import Became
from northflank_audit.reading import LARGEST_DATA, read_text

DEEPEST_EVIDENCE: Final = 110
"""The deepest nesting of maps and lists in a baseline's evidence: slightly deeper than a record may be."""


def read_baseline(path: str, option: str = "--compare") -> Baseline:
    """Read an earlier report.json. Raises StartError where it is not one."""
    try:
        text = read_text(path, largest=LARGEST_DATA)
    except StartError as error:
        first = option == "--compare" and not os.path.lexists(path)
        raise StartError(f"{error}; a first audit has no earlier report: omit {option}" if first else error) from None
    try:
        return baseline_of(jsontext.decode(text.encode()))
    except (jsontext.InvalidJSON, msgspec.ValidationError) as error:
        raise StartError(f"{option} {path}: not a report.json of this tool ({error})") from None


def baseline_of(value: Any) -> Baseline:
    """Return a decoded report.json as what is compared with. Raises msgspec.ValidationError for anything else."""
    try:
        baseline = msgspec.convert(_in_current_form(value), Baseline)
        for result in chain(baseline.results, baseline.resolved, baseline.unsettled):
            _check_depth(result.evidence, DEEPEST_EVIDENCE)
    except RecursionError:
        raise msgspec.ValidationError("nested too deeply") from None
    return baseline


def _in_current_form(value: Any) -> Any:
    """Return a decoded report with `fixed` in place of `mended`, the word of earlier versions."""
    if not isinstance(value, dict):
        return value
    renewed = {
        key: [{**each, "became": Became.FIXED} if _was_fixed(each) else each for each in value[key]]
        for key in ("resolved", "unsettled")
        if isinstance(value.get(key), list)
    }
    return {**value, **renewed}


def _was_fixed(result: Any) -> bool:
    return isinstance(result, dict) and result.get("became") == "mended"


def _check_depth(value: Any, levels: int) -> None:
    """Raise RecursionError where a value is nested more deeply."""
    if isinstance(value, dict | list):
        if not levels:
            raise RecursionError
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, levels - 1)
