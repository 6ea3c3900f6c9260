"""Reads the policy of a run: rules, remarks, baseline."""

import datetime as dt
import logging
import os
from collections.abc import Iterator

from northflank_audit import bundled
from northflank_audit.audit.baseline_reading import read_baseline
from northflank_audit.config.policy import Policy, chosen, excluded_rules, read_rules, requested, unread
from northflank_audit.config.remark_reading import LongestWaiver, misspelt, read_annotations, read_waivers
from northflank_audit.config.secret_files import exposed
from northflank_audit.config.settings import Settings
from northflank_audit.documents.yaml_document import Document
from northflank_audit.formats import FORMATS
from northflank_audit.formats.text import plural
from northflank_audit.policy.lint.vacuous import vacuous
from northflank_audit.policy.selection import Selection, check_framework
from northflank_audit.printable import spelt
from northflank_audit.reading import read_text
from northflank_audit.remarks import Waiver

log = logging.getLogger(__name__)


def read_policy(settings: Settings) -> Policy:
    """Read everything that the verdicts depend on, except the resources."""
    demo_config, demo_waivers, selected = None, False, settings.rules
    if settings.demo and not settings.rules:  # the demo has a policy of its own
        # Named like the bundled rules, so that the report does not depend on where the tool is installed.
        demo_config = Document(read_text(str(bundled.DEMO_CONFIG)), bundled.DEMO_CONFIG.name)
        demo_waivers = settings.waivers is None
        selected = tuple(demo_config.value["rules"])
    book = read_rules(selected, demo_config, settings.config)
    selection = Selection.of({name: getattr(settings, name) for name in Selection.__struct_fields__})
    rules = chosen(book, selection)
    not_configured = [rule for rule in requested(book, selection) if rule.unset]
    if settings.framework is not None:
        check_framework("--framework", settings.framework, [*rules, *not_configured])
    first = _first(settings)
    waivers = _waivers(settings, demo=demo_waivers)
    annotations = read_annotations(settings.annotations) if settings.annotations else None
    log.info("the audit begins, with %s", plural(len(rules), "rule"))
    return Policy(
        rules=rules,
        waivers=[waiver for _, waiver in waivers],
        baseline=read_baseline(settings.compare) if settings.compare and not first else None,
        book=book,
        waiver_locations=[place for place, _ in waivers],
        annotations=annotations,
        excluded_rules=excluded_rules(book, [*rules, *not_configured], selection),
        not_configured=not_configured,
        warnings=[
            *first,
            *settings.weakenings,
            *_narrowed(selection),
            *exposed({"--token-file": None if settings.input else settings.token_file}),
            *exposed({"--notify-file": settings.notify_file}),
            *unread(book),
            *misspelt([*waivers, *(annotations or [])], book),
            *(each.text for each in vacuous(book, {rule.id for rule in rules})),
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


def _narrowed(selection: Selection) -> Iterator[str]:
    """Yield warnings about options that limit the audit."""
    if selection.type:
        yield f"only rules about {' and '.join(selection.type)} ran (--type)"
    if selection.skip_type:
        yield f"no {' and '.join(selection.skip_type)} was audited (--skip-type)"
    if selection.project:
        yield f"only resources in the project {' or '.join(selection.project)} were audited (--project)"


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
