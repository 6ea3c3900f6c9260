"""Reads the policy of a run: rule files, overrides, waivers."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from northflank_audit import bundled
from northflank_audit.baseline import Baseline
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError, did_you_mean
from northflank_audit.model import Rule
from northflank_audit.parameters import to_set
from northflank_audit.policy.rules import rulebook as rule_files
from northflank_audit.policy.rules.example_files import add_tests
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.policy.selection import Selection
from northflank_audit.policy.selection import selected as selected_rules
from northflank_audit.printable import printable, spelt
from northflank_audit.reading import is_file, is_folder, read_text
from northflank_audit.remarks import Annotation, Waiver

log = logging.getLogger(__name__)

RULE_FILES = (".yaml", ".yml")
PACK = "pack:"
"""Prefix of the names of bundled packs."""


class Policy(msgspec.Struct, frozen=True):
    """The policy of a run: its rules, its waivers and its baseline."""

    rules: list[Rule]
    waivers: list[Waiver]
    baseline: Baseline | None
    book: Rulebook | None = None
    """All rules, those that do not run included."""
    waiver_locations: list[str] = msgspec.field(default_factory=list)
    """`file:line` of each waiver."""
    annotations: list[tuple[str, Annotation]] | None = None
    """Each annotation with its `file:line`; None if no file of them is named."""
    excluded_rules: dict[str, str] = msgspec.field(default_factory=dict)
    """Rules that do not run, each with what excludes it."""
    not_configured: list[Rule] = msgspec.field(default_factory=list)
    """Rules that do not run because a required parameter is empty."""
    warnings: list[str] = msgspec.field(default_factory=list)
    """Warnings about the policy, such as rules that can never fire."""


class RuleFileFinder:
    """Finds and reads rule files. It remembers the path of each, so that `extends` is relative to it."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}
        self.unread: list[str] = []
        """Folders within the folders that were named, whose rule files are not read."""

    def files(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        """Return (path, exact text) of each rule file; a folder stands for the files in it, sorted by name.

        `pack:NAME` is a bundled pack; without paths, the bundled rules. Raises StartError for a path that does
        not exist or holds no rule file.
        """
        files = [place for path in paths for place in self._named(path)] if paths else _inside(bundled.RULES)
        return [self._read(place) for place in files]

    def tests(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        """Return (path, text) of the files of examples: those named, and those beside the rule files."""
        if not paths:
            files = _inside(bundled.RULES, tests=True)
        else:
            files = [place for path in paths for place in self._tests_of(path)]
        return [self._read(place) for place in dict.fromkeys(files)]

    def find(self, path: str, reference: str) -> list[tuple[str, str]]:
        """Return (path, text) of what the rule file at `path` extends."""
        base = self._paths[path].parent
        if not reference.strip():
            raise StartError(f"{path}: 'extends' names an empty path")
        named = reference if reference.startswith(PACK) else os.path.normpath(base / reference)
        return [self._read(place) for place in self._named(named, reference)]

    def _named(self, path: str, subject: str = "") -> list[Path]:
        if path.startswith(PACK):
            return [_pack(path.removeprefix(PACK))]
        if not path.strip():
            raise StartError("a path of rules is empty: name a file, a folder or a pack")
        if not is_folder(path):
            return [Path(path)]
        self.unread += _folders_with_rules(Path(path))
        files = _inside(Path(path))
        if not files:
            raise StartError(
                f"{subject or f'--rules {path}'}: no {' or '.join(RULE_FILES)} file in it"
                + (f"; name its folders: {', '.join(self.unread)}" if self.unread else "")
            )
        return files

    def _tests_of(self, path: str) -> list[Path]:
        if path.startswith(PACK):
            return []
        place = Path(path)
        if is_folder(place):
            return _inside(place, tests=True)
        if is_test(place):
            return [place]
        beside = place.with_name(f"{place.stem}.test{place.suffix}")
        return [beside] if is_file(beside) else []

    def _read(self, place: Path) -> tuple[str, str]:
        root = bundled.RULES.parent
        ours = bundled.RULES in place.parents
        display_path = place.relative_to(root).as_posix() if ours else spelt(os.path.normpath(place))
        self._paths[display_path] = place
        return display_path, read_text(str(place), exact=True)


def is_test(path: Path) -> bool:
    """Return whether a file is one of examples: `NAME.test.yaml`."""
    return path.name.lower().endswith(tuple(f".test{suffix}" for suffix in RULE_FILES))


def _inside(folder: Path, *, tests: bool = False) -> list[Path]:
    """Return a folder's files of rules, or of examples. Names that start with a dot are skipped, and logged."""
    files = [file for file in _entries(folder) if file.suffix.lower() in RULE_FILES and is_test(file) is tests]
    for file in files:
        if file.name.startswith("."):
            log.info("%s is not read: its name starts with a dot", printable(spelt(str(file))))
    # A dangling link is among them: reading it reports the problem.
    return sorted(file for file in files if not file.name.startswith(".") and not is_folder(file))


def _folders_with_rules(folder: Path) -> list[str]:
    """Return the direct subfolders that contain rule files at any depth; none whose name starts with a dot."""
    if folder.resolve() == bundled.RULES.resolve():  # its packs are named as pack:NAME
        return []
    below = [each for each in _entries(folder) if not each.name.startswith(".") and is_folder(each)]
    return sorted(spelt(str(each)) for each in below if _holds_rules(each))


def _holds_rules(folder: Path) -> bool:
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if any(Path(name).suffix.lower() in RULE_FILES and not name.startswith(".") for name in files):
            return True
    return False


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise StartError(f"{printable(spelt(str(folder)))}: can't be read ({error.strerror})") from None


def unread(book: Rulebook) -> list[str]:
    """Return a warning for each folder whose rule files were not read."""
    return [f"{folder} holds rule files that are not read: name the folder too" for folder in book.unread]


def packs() -> list[str]:
    """Return the names of the bundled packs."""
    return [file.stem for file in _inside(bundled.RULES / "packs")]


def _pack(name: str) -> Path:
    if name not in packs():
        raise StartError(f"unknown {PACK}{name}{did_you_mean(name, packs())}; choose from {', '.join(packs())}")
    return bundled.RULES / "packs" / f"{name}.yaml"


def read_rules(paths: Sequence[str], *configs: Document | None) -> Rulebook:
    """Read rule files with the files of examples beside them, and apply each config's overrides.

    Every mistake is in the book. Raises StartError for a path without rule files.
    """
    for path in paths:
        if not path.startswith(PACK) and is_test(Path(path)):
            raise StartError(f"--rules {path}: by its name, a file of examples, not of rules; see: rules test")
    return read_tested(paths, *configs)


def read_tested(paths: Sequence[str], *configs: Document | None) -> Rulebook:
    """Read rule files as `read_rules` does; files of examples may be among the paths, for any of the rules."""
    finder = RuleFileFinder()
    files = finder.files([path for path in paths if not is_test(Path(path))])
    book = rule_files.read(files, finder.find, bundled.rule_packs())
    add_tests(book, finder.tests(paths))
    book.unread.extend(dict.fromkeys(finder.unread))
    for config in configs:
        overridden(book, config)
    return book


def overridden(book: Rulebook, config: Document | None) -> Rulebook:
    """Apply a config's overrides to a book, and return it."""
    if config is not None:
        book.diagnostics.extend(config.diagnostics)
        rule_files.override(book, config)
    return book


def book_with(rule_id: str, paths: Sequence[str], config: Document | None) -> tuple[Rulebook, str]:
    """Return a book that has a rule, if there is one: that of these files or, of a bundled rule, that of its pack.

    Also returns that pack, which was not selected; empty if the rule is in these files.
    """
    book = read_rules(paths, config)
    pack = "" if rule_id in book.definitions or rule_id in book.flawed else bundled.rule_packs().get(rule_id, "")
    return (read_rules([pack]) if pack else book), pack


def select_rules(paths: Sequence[str], selection: Selection, *configs: Document | None) -> list[Rule]:
    """Return the rules to run, with each config's overrides. Raises StartError for every mistake in them."""
    return chosen(read_rules(paths, *configs), selection)


def chosen(book: Rulebook, selection: Selection) -> list[Rule]:
    """Return those rules of a book that are to run. Raises StartError for every mistake in it.

    Rules that are not configured are not among them; requesting one by its id also raises StartError.
    """
    selected = requested(book, selection)
    unset = {rule.id: to_set(rule.unset) for rule in selected if rule.unset}
    for rule_id in selection.rule:
        if rule_id in unset:
            raise StartError(f"--rule {rule_id}: not configured: {unset[rule_id]} (overrides in the config file)")
    if len(unset) == len(selected):
        first, why = next(iter(unset.items()))
        raise StartError(f"no rule is left to run: none is configured ({first}: {why})")
    return [rule for rule in selected if not rule.unset]


def requested(book: Rulebook, selection: Selection) -> list[Rule]:
    """Return the selected rules of a book, configured or not. Raises StartError for every mistake in it."""
    rules = book.checked()
    for rule_id in selection.rule:
        if rule_id in book.off:
            raise StartError(f"--rule {rule_id}: {book.off[rule_id]} switches it off")
    on = msgspec.structs.replace(
        selection, skip_rule=tuple(name for name in selection.skip_rule if name not in book.off)
    )
    return selected_rules(rules, on, book.packs)


def excluded_rules(book: Rulebook, rules: Sequence[Rule], selection: Selection) -> dict[str, str]:
    """Return the rules of a book that are not among `rules`, each with what excludes it."""
    run = {rule.id for rule in rules}
    options = {rule.id: selection.excludes(rule) for rule in book.rules.values() if rule.id not in run}
    return {**book.off, **options}
