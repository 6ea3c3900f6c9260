"""Limits what a found config file may set.

It may be in a checkout that others can write to, so it must not say where the token goes, or where to write.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path as File
from typing import Any, Final

from click.core import ParameterSource

from northflank_audit.config.precedence import OptionSource
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError

SOURCE_OPTIONS: Final = ("api-url", "token-file", "notify-file", "demo", "input")
"""Options that say where the token goes or comes from, or what is read instead of the account."""
DISCLOSURE_OPTIONS: Final = ("show-personal-data",)
"""Options that put more of people's data into what is written."""
OUTPUT_OPTIONS: Final = ("output", "output-dir", "save-snapshot", "metrics-file", "history")
"""Options that say where something is written."""
VERDICT_OPTIONS: Final = (
    "fail-on",
    "fail-on-new",
    "new-for",
    "max-age",
    "on-unknown",
    "waivers",
    "max-waiver-days",
    "rules",
    "rule",
    "skip-rule",
    "control",
    "min-severity",
    "type",
    "skip-type",
    "project",
    "absent",
    "overrides",
)
"""Options that can turn a violation into a success. With `max-requests` and `reserve` a run is incomplete instead."""
BASELINE: Final = "compare"
"""Options that also can, if ongoing violations do not count."""
_PREFIXES: Final = ("SMTP_", "NORTHFLANK_AUDIT_")
"""Allowed prefixes of the variable of a password."""


class UntrustedConfig(Document):
    """A config file that was found in the working folder."""

    def refusals(self, options: Collection[str]) -> Iterator[FileError]:
        """Yield the keys that such a file must not have, of the command's options."""
        hint = f"is not allowed in a file that was found, not named; if you trust it, give --config {self.path}"
        value: dict[str, Any] = self.value
        for key in value:
            if key in (*SOURCE_OPTIONS, *DISCLOSURE_OPTIONS) and key in options:
                yield self.error((key,), f"'{key}' {hint}", key=True)
            elif key in OUTPUT_OPTIONS and key in options:
                for here in self._outside(key):
                    yield self.error(here, f"{key}: a path outside the working folder {hint}")
        if "email-to" in options:
            yield from self._passwords(hint)

    def weakenings(self, source: OptionSource, *, fail_on_new: bool = False) -> list[str]:
        """Return a warning that names the file's keys that can turn a violation into a success, if there are any."""
        value = self.value if isinstance(self.value, dict) else {}
        options = (*VERDICT_OPTIONS, BASELINE) if fail_on_new else VERDICT_OPTIONS
        keys = [key for key in options if key in value and self._counts(key, source)]
        if not keys:
            return []
        places = ", ".join(f"{key} ({self.path}:{self.line((key,))})" for key in keys)
        return [f"set by {self.path}, which was found, not named: {places}; if you trust it, give --config {self.path}"]

    def _counts(self, key: str, source: OptionSource) -> bool:
        return key == "overrides" or source(key.replace("-", "_")) is ParameterSource.DEFAULT_MAP

    def _outside(self, key: str) -> Iterator[Path]:
        """Yield the keys whose path is outside the working folder, links followed, or a URL."""
        given = self.value[key]
        items: list[tuple[Path, Any]] = [((key,), given)]
        if isinstance(given, list):
            items = [((key, index), each) for index, each in enumerate(given)]
        folder = File(os.path.realpath("."))
        for here, each in items:
            if not isinstance(each, str):
                continue
            path = each.partition("=")[2] if key == "output" else each
            if path != "-" and ("://" in path or not File(os.path.realpath(path)).is_relative_to(folder)):
                yield here

    def _passwords(self, hint: str) -> Iterator[FileError]:
        section = self.value.get("email")
        server = section.get("smtp") if isinstance(section, dict) else None
        if not isinstance(server, dict):
            return
        here = ("email", "smtp")
        if "password-file" in server:
            yield self.error((*here, "password-file"), f"'password-file' {hint}", key=True)
        variable = server.get("password-env")
        if isinstance(variable, str) and not variable.startswith(_PREFIXES):
            starts = " or ".join(_PREFIXES)
            yield self.error((*here, "password-env"), f"a variable that does not start with {starts} {hint}", key=True)
