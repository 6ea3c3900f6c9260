"""Reads a fleet file: a YAML file of targets, each with options of `run`."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
from click.core import ParameterSource

from northflank_audit.cli.config_file import option_values, takes_several
from northflank_audit.cli.fleet_clashes import FleetFiles, clashes
from northflank_audit.cli.fleet_paths import absolute
from northflank_audit.cli.target_overrides import KEY as OVERRIDES
from northflank_audit.cli.target_overrides import TargetOverrides
from northflank_audit.config import email_section
from northflank_audit.config.settings import DELIVERY_OPTIONS, Settings, settings_from
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileErrors, StartError, did_you_mean, in_order
from northflank_audit.fleet.target_name import WHAT, is_target_name
from northflank_audit.reading import read_text

MOST_VALUES: Final = 2_000_000
"""Values of a fleet file: some 150,000 targets."""
OWN_KEYS: Final = {"token-file": "token_file", "all-teams": "all_teams", "teams": "team", "input": "input"}
"""The keys of a target that are options of `run`, and their names in Python."""
TARGET_KEYS: Final = ("name", "token-env", *OWN_KEYS, "options", OVERRIDES)
FILE_KEYS: Final = ("defaults", "targets", email_section.SECTION)
OF_THE_FLEET: Final = (
    *("config", "demo", "team", "token_file", "all_teams", "input", "output_dir"),
    *("quiet", "verbose", "log_format", "no_progress", "no_color"),
)
"""The options of `run` that are not options of a target, by their names in Python."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class FleetTarget:
    """A target of a fleet file."""

    name: str
    settings: Settings
    """Its paths are absolute."""
    token_variable: str | None


def read_fleet_file(path: str) -> Document:
    """Read a fleet file. Raises FileErrors for what is not YAML, and StartError if it can't be read."""
    document = Document(read_text(path), path, discreet=True, most=MOST_VALUES)
    if not isinstance(document.value, dict):
        raise FileErrors([document.error((), "a fleet file maps 'targets' to a list of them")])
    return document


class TargetReader:
    """Reads the targets of a fleet file into settings of `run`."""

    def __init__(
        self, document: Document, run: click.Command, flags: Mapping[str, Any], folder: str, files: FleetFiles
    ) -> None:
        """Take the command `run`, its flags by their names, the folder of the fleet file, and the fleet's files."""
        self._document = document
        self._flags = flags
        self._folder = folder
        self._files = files
        self._ctx = run.make_context("target", [])
        self._options = {
            param.opts[0].lstrip("-"): param for param in run.params if isinstance(param, click.Option)
        }  # fmt: skip
        self._allowed = [key for key, param in self._options.items() if param.name not in OF_THE_FLEET]

    def read(self) -> list[FleetTarget]:
        """Return the targets. Raises FileErrors for every mistake in the file."""
        document = self._document
        self._unknown_keys((), FILE_KEYS)
        document.diagnostics += email_section.diagnostics(document)
        defaults = self._given(("defaults",), [key for key in self._allowed if key not in _DELIVERIES])
        targets = document.value.get("targets")
        if not isinstance(targets, list) or not targets:
            self._mistake(("targets",), "expects a list of at least one target, each with a 'name'")
            targets = []
        found = [self._target(("targets", index), defaults) for index in range(len(targets))]
        self._check_names(targets)
        self._check_paths([each for each in found if each is not None])
        if document.diagnostics:
            raise FileErrors(in_order(document.diagnostics))
        return [each for each in found if each is not None]

    def _target(self, here: Path, defaults: Mapping[str, Any]) -> FleetTarget | None:
        """Return a target; None if there is a mistake in it."""
        document, before = self._document, len(self._document.diagnostics)
        value = document.at(here)
        if not isinstance(value, dict):
            self._mistake(here, "a target is a map with a 'name'")
            return None
        self._unknown_keys(here, TARGET_KEYS)
        self._check_name(here, value.get("name"))
        given = {**defaults, **self._given((*here, "options"), self._allowed), **self._own(here, value)}
        variable = self._token_variable(here, value)
        overrides = self._overrides(here, value)
        if any(path == "-" for _, path in given.get("output", ())):
            self._mistake((*here, "options", "output"), "a target has no standard output: name a file")
        if len(document.diagnostics) > before:
            return None
        settings = self._settings(here, given, overrides, str(value["name"]))
        return None if settings is None else FleetTarget(str(value["name"]), settings, variable)

    def _settings(self, here: Path, given: Mapping[str, Any], overrides: Document | None, name: str) -> Settings | None:
        """Return the settings of a target; None if its options exclude each other."""

        def source(option: str) -> ParameterSource:
            if option in self._flags:
                return ParameterSource.COMMANDLINE
            return ParameterSource.DEFAULT_MAP if option in given else ParameterSource.DEFAULT

        values = {**self._ctx.params, **given, **self._flags, "config": overrides}
        values |= {"output_dir": os.path.join(self._files.output_dir, name)}  # noqa: PTH118 - as it was given
        try:
            return absolute(settings_from(values, source), self._folder, self._flags)
        except click.ClickException as error:
            self._mistake(here, error.format_message())
        except StartError as error:
            self._mistake(here, str(error))
        return None

    def _given(self, here: Path, allowed: Sequence[str]) -> dict[str, Any]:
        """Return the options of a map by their names in Python."""
        value: Any = self._document.value
        for step in here:
            value = value.get(step) if isinstance(value, dict) else value[step]
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._mistake(here, "expects a map of options")
            return {}
        found: dict[str, Any] = {}
        for key, raw in value.items():
            if key in allowed:
                self._take(found, self._options[key], (*here, key), raw)
            else:
                self._mistake((*here, key), self._why_not(key, here, allowed), key=True)
        return found

    def _own(self, here: Path, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that are keys of a target."""
        found: dict[str, Any] = {}
        by_name = {param.name: param for param in self._options.values()}
        for key, name in OWN_KEYS.items():
            if value.get(key) == []:  # else the target would silently be the token's own account
                self._mistake((*here, key), "this is empty: omit the key, or give it a value")
            elif key in value:
                self._take(found, by_name[name], (*here, key), value[key])
        if "-" in found.get("input", ()):
            self._mistake((*here, "input"), "a target's input is a file, not standard input")
        if found.get("input") and (found.get("token_file") or "token-env" in value):
            self._mistake((*here, "input"), "a target with input needs no token: omit one of the two")
        return found

    def _take(self, found: dict[str, Any], option: click.Option, here: Path, raw: Any) -> None:
        before = len(self._document.diagnostics)
        values = list(option_values(self._ctx, self._document, option, here, raw))
        if len(self._document.diagnostics) == before:
            several = takes_several(option)
            found[str(option.name)] = option.type_cast_value(self._ctx, values if several else values[0])

    def _token_variable(self, here: Path, value: Mapping[str, Any]) -> str | None:
        if "token-env" not in value:
            return None
        variable = value["token-env"]
        if "token-file" in value:
            self._mistake((*here, "token-env"), "the token comes from a variable or a file, not both", key=True)
        if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
            problem = "expects the name of an environment variable (letters, digits and _), not the token itself"
            self._mistake((*here, "token-env"), problem, key=True)
        return str(variable)

    def _overrides(self, here: Path, value: Mapping[str, Any]) -> Document | None:
        return None if value.get(OVERRIDES) is None else TargetOverrides(self._document, here)

    def _check_name(self, here: Path, name: Any) -> None:
        if name is None:
            self._mistake(here, "a target needs a 'name', which its reports' folder has")
        elif not isinstance(name, str):
            self._mistake((*here, "name"), "YAML reads this as another kind of value: quote it")
        elif not is_target_name(name):
            self._mistake((*here, "name"), WHAT)

    def _check_names(self, targets: Sequence[Any]) -> None:
        """Names are unique, also where a file system ignores case."""
        first: dict[str, int] = {}
        for index, target in enumerate(targets):
            name = target.get("name") if isinstance(target, dict) else None
            if isinstance(name, str) and first.setdefault(name.lower(), index) != index:
                line = self._document.line(("targets", first[name.lower()], "name"))
                self._mistake(("targets", index, "name"), f"the name '{name}' is taken by the target in line {line}")

    def _check_paths(self, targets: Sequence[FleetTarget]) -> None:
        """No target writes over a file of another one or of the fleet, nor over what any of them reads."""
        fleet = self._files._replace(read=[*self._files.read, self._document.path])
        for name, problem in clashes({each.name: each.settings for each in targets}, fleet):
            if name is None:
                self._mistake(("targets",), f"the fleet {problem}")
                continue
            names = (each.get("name") for each in self._document.value["targets"] if isinstance(each, dict))
            self._mistake(("targets", list(names).index(name)), f"'{name}' {problem}")

    def _unknown_keys(self, here: Path, known: Sequence[str]) -> None:
        for key in self._document.at(here):
            if key not in known:
                self._document.diagnostics.append(self._document.unknown_key((*here, key), known))

    def _why_not(self, key: str, here: Path, allowed: Sequence[str]) -> str:
        """Return why a key is no option there."""
        if here == ("defaults",) and key in _DELIVERIES:
            section = " or in the section 'email'" if key in ("email", "email-to") else ""
            return (
                f"'{key}' would send each target's report by itself: give it to the fleet as a flag{section}, or to "
                "one target under 'options'"
            )
        if key in OWN_KEYS or key == "team":
            return f"'{'teams' if key == 'team' else key}' stands in a target, beside 'options'"
        if key in self._options:
            return f"'{key}' is not an option of a target; give it to the fleet as a flag"
        return f"'{key}' is no option{did_you_mean(key, allowed)}"

    def _mistake(self, here: Path, problem: str, *, key: bool = False) -> None:
        self._document.diagnostics.append(self._document.error(here, problem, key=key))


_DELIVERIES: Final = [name.replace("_", "-") for name in (*DELIVERY_OPTIONS, "notify_when")]
