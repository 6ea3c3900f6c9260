"""Lists mistakes in policy files: as text, as JSON, for GitHub."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from northflank_audit.errors import FileError
from northflank_audit.formats.text import plural
from northflank_audit.formats.workflow import command


def text(diagnostics: Sequence[FileError]) -> str:
    """List mistakes and warnings, each with the line that it is in."""
    return "\n".join(each.with_excerpt for each in diagnostics)


def as_json(diagnostics: Sequence[FileError]) -> str:
    """List mistakes and warnings as a JSON list."""
    return json.dumps(
        [
            {
                "file": each.path,
                "line": each.line,
                "column": each.column,
                "level": _level(each),
                "problem": each.problem,
            }
            for each in diagnostics
        ],
        indent=2,
    )


def github(diagnostics: Sequence[FileError]) -> str:
    """List mistakes and warnings as workflow commands, which GitHub shows at their lines."""
    return "\n".join(
        command(_level(each), each.problem, file=each.path, line=each.line, col=each.column) for each in diagnostics
    )


def _level(each: FileError) -> str:
    return "warning" if each.warning else "error"


LISTINGS: Final[dict[str, Callable[[Sequence[FileError]], str]]] = {"text": text, "json": as_json, "github": github}
"""Each form of the list, by its name in `--format`."""


def counted(diagnostics: Iterable[FileError], rules: int) -> str:
    """Return how many mistakes and warnings there are, in how many rules."""
    levels = [_level(each) for each in diagnostics]
    errors, warnings = levels.count("error"), levels.count("warning")
    mistakes = plural(errors, "mistake") if errors else "no mistake"
    besides = f", {plural(warnings, 'warning')}" if warnings else ""
    return f"{plural(rules, 'rule')}, {mistakes}{besides}"
