"""Reads the policy of a run: rules, waivers, and the report to compare with."""

import os

from northflank_audit import bundled
from northflank_audit.audit.baseline_reading import read_baseline
from northflank_audit.config.policy import Policy, chosen, excluded_rules, read_rules, read_waivers, requested, unread
from northflank_audit.config.settings import Settings
from northflank_audit.documents.yaml_document import Document
from northflank_audit.formats import FORMATS
from northflank_audit.policy.lint.vacuous import vacuous
from northflank_audit.printable import spelt
from northflank_audit.reading import read_text


def read_policy(settings: Settings) -> Policy:
    """Read everything that the verdicts depend on, except the resources."""
    demo_config, waivers, selected = None, settings.waivers, settings.rules
    if settings.demo and not settings.rules:  # the demo has a policy of its own
        # Named like the bundled rules, so that the report does not depend on where the tool is installed.
        demo_config = Document(read_text(str(bundled.DEMO_CONFIG)), bundled.DEMO_CONFIG.name)
        waivers = settings.waivers or str(bundled.DEMO_WAIVERS)
        selected = tuple(demo_config.value["rules"])
    book = read_rules(selected, demo_config, settings.config)
    rules = chosen(book, settings.rule, settings.skip_rule)
    not_configured = [rule for rule in requested(book, settings.rule, settings.skip_rule) if rule.unset]
    first = _first(settings)
    located_waivers = read_waivers(waivers, settings.waivers or bundled.DEMO_WAIVERS.name) if waivers else []
    return Policy(
        rules=rules,
        waivers=[waiver for _, waiver in located_waivers],
        baseline=read_baseline(settings.compare) if settings.compare and not first else None,
        book=book,
        waiver_locations=[place for place, _ in located_waivers],
        excluded_rules=excluded_rules(book, [*rules, *not_configured], settings.skip_rule),
        not_configured=not_configured,
        warnings=[
            *first,
            *settings.weakenings,
            *unread(book),
            *(each.text for each in vacuous(book, {rule.id for rule in rules})),
        ],
    )


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
