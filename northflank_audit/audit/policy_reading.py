"""Reads the policy of a run: rules, remarks, baseline."""

import datetime as dt
import logging
import os
import threading
from collections.abc import Hashable, Iterator

import msgspec

from northflank_audit import bundled
from northflank_audit.audit.baseline_reading import read_baseline
from northflank_audit.config.policy import (
    Policy,
    chosen,
    excluded_rules,
    overridden,
    read_rules,
    requested,
    unread,
)
from northflank_audit.config.remark_reading import LongestWaiver, misspelt, read_annotations, read_waivers
from northflank_audit.config.secret_files import exposed
from northflank_audit.config.settings import Settings
from northflank_audit.documents.yaml_document import Document
from northflank_audit.formats import FORMATS
from northflank_audit.formats.text import plural
from northflank_audit.model import Rule
from northflank_audit.policy.lint.vacuous import vacuous
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.policy.selection import Selection, check_framework
from northflank_audit.printable import spelt
from northflank_audit.reading import read_text
from northflank_audit.remarks import Waiver

log = logging.getLogger(__name__)


class SelectedRules(msgspec.Struct, frozen=True):
    """The rules of a run, and those that do not run."""

    book: Rulebook
    rules: list[Rule]
    not_configured: list[Rule]
    excluded: dict[str, str]
    """Rules that do not run, each with what excludes it."""
    warnings: list[str]


class RuleReader:
    """Reads the rules of runs: those of several runs with the same options only once. Threads may share it."""

    def __init__(self) -> None:
        self._books: dict[Hashable, Rulebook] = {}
        self._selected: dict[Hashable, SelectedRules] = {}
        self._lock = threading.Lock()

    def read(self, settings: Settings) -> SelectedRules:
        """Return the rules that these settings select. Raises StartError for every mistake in them."""
        selection = Selection.of({name: getattr(settings, name) for name in Selection.__struct_fields__})
        demo = settings.demo and not settings.rules  # the demo has a policy of its own
        configured = None if settings.config is None else settings.config.identity
        key = (settings.rules, demo, selection, settings.framework, configured)
        with self._lock:
            if key not in self._selected:
                self._selected[key] = _selected(self._book(settings, demo=demo), selection, settings.framework)
            return self._selected[key]

    def _book(self, settings: Settings, *, demo: bool) -> Rulebook:
        """Return all rules, with the overrides of the settings."""
        key = (settings.rules, demo)
        if key not in self._books:
            # Named like the bundled rules, so that the report does not depend on where the tool is installed.
            config = Document(read_text(str(bundled.DEMO_CONFIG)), bundled.DEMO_CONFIG.name) if demo else None
            self._books[key] = read_rules(tuple(config.value["rules"]) if config else settings.rules, config)
        return overridden(self._books[key].copy(), settings.config)


def _selected(book: Rulebook, selection: Selection, framework: str | None) -> SelectedRules:
    rules = chosen(book, selection)
    not_configured = [rule for rule in requested(book, selection) if rule.unset]
    if framework is not None:
        check_framework("--framework", framework, [*rules, *not_configured])
    return SelectedRules(
        book=book,
        rules=rules,
        not_configured=not_configured,
        excluded=excluded_rules(book, [*rules, *not_configured], selection),
        warnings=[*unread(book), *(each.text for each in vacuous(book, {rule.id for rule in rules}))],
    )


def read_policy(settings: Settings, reader: RuleReader | None = None) -> Policy:
    """Read everything that the verdicts depend on, except the resources."""
    selected = (reader or RuleReader()).read(settings)
    first = _first(settings)
    waivers = _waivers(settings, demo=settings.demo and not settings.rules and settings.waivers is None)
    annotations = read_annotations(settings.annotations) if settings.annotations else None
    log.info("the audit begins, with %s", plural(len(selected.rules), "rule"))
    return Policy(
        rules=selected.rules,
        waivers=[waiver for _, waiver in waivers],
        baseline=read_baseline(settings.compare) if settings.compare and not first else None,
        book=selected.book,
        waiver_locations=[place for place, _ in waivers],
        annotations=annotations,
        excluded_rules=selected.excluded,
        not_configured=selected.not_configured,
        warnings=[
            *first,
            *settings.weakenings,
            *_narrowed(settings),
            *exposed({"--token-file": None if settings.input else settings.token_file}),
            *exposed({"--notify-file": settings.notify_file}),
            *misspelt([*waivers, *(annotations or [])], selected.book),
            *selected.warnings,
        ],
    )


def _waivers(settings: Settings, *, demo: bool) -> list[tuple[str, Waiver]]:
    """Read the waivers of the run, or those of the demo, which must not age."""
    if demo:
        return read_waivers(str(bundled.DEMO_WAIVERS), bundled.DEMO_WAIVERS.name, None)
    if settings.waivers is None:
        return []
    longest = LongestWaiver(dt.datetime.now(dt.UTC).date(), settings.max_waiver_days)
    return read_waivers(settings.waivers, settings.waivers, longest)


def _narrowed(settings: Settings) -> Iterator[str]:
    """Yield warnings about options that limit the audit."""
    if settings.type:
        yield f"only rules about {' and '.join(settings.type)} ran (--type)"
    if settings.skip_type:
        yield f"no {' and '.join(settings.skip_type)} was audited (--skip-type)"
    if settings.project:
        yield f"only resources in the project {' or '.join(settings.project)} were audited (--project)"


def _first(settings: Settings) -> list[str]:
    """Return a warning if the baseline is the report that this run is the first to write."""
    if settings.compare is None or os.path.lexists(settings.compare):
        return []
    own = [path for name, path in settings.destinations if FORMATS[name].is_baseline]
    if os.path.realpath(settings.compare) not in map(os.path.realpath, own):
        return []
    return [
        f"{spelt(settings.compare)} does not exist yet: nothing is compared now; the next run compares with this report"
    ]
