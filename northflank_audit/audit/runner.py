"""An audit, from its settings to its exit code: one straight line."""

import datetime as dt
import logging
import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit import __version__, bundled, logs, stopping
from northflank_audit.audit.baseline import read_baseline
from northflank_audit.audit.deliver import channels, deliver
from northflank_audit.audit.evaluation import TimedEngine, judged
from northflank_audit.audit.report_builder import Tally, by_type
from northflank_audit.config.policy import Policy, chosen, left_out, read_rules, read_waivers, unread
from northflank_audit.config.settings import Settings
from northflank_audit.deadline import Deadline
from northflank_audit.delivery import files
from northflank_audit.delivery.heartbeat import heartbeat
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import AuditError, DeliveryError
from northflank_audit.formats.text import headline, outcome, plural, words
from northflank_audit.model import ACCOUNT_TYPE
from northflank_audit.northflank.token import Token
from northflank_audit.policy.lint.vacuous import futile
from northflank_audit.policy.waivers.waiver_book import WaiverBook
from northflank_audit.printable import spelt
from northflank_audit.reading import LARGEST_DATA, read_bytes, read_text
from northflank_audit.report import Origin, Report, Run, Subject, Tool
from northflank_audit.sources.files import InputSource
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot import SnapshotWriter

TOOL = Tool("northflank-audit", __version__)

log = logging.getLogger(__name__)

LONGEST_OVERTIME: Final = 300.0
"""Seconds that judging, rendering and delivery may take together after `--timeout`: more than their own bounds."""

Watch = Callable[[int], None]
"""Called with the number of resources that were just judged."""


def run(settings: Settings, watch: Watch, run_id: str) -> tuple[Report, list[str], list[str]]:
    """Audit, write the reports, and return the final report, the paths that were written, and who was told.

    Raises StartError before anything is fetched or written.
    """
    with heartbeat(settings.heartbeat) as ended:
        deadline = Deadline(settings.timeout)
        with _last_resort(deadline):
            policy, people = read_policy(settings), channels(settings)
            log.info("the audit begins, with %s", plural(len(policy.rules), "rule"))
            with opened(settings, deadline) as source:
                report = audit(settings, policy, source, watch, run_id, deadline)
            report, written, told = deliver(settings, people, report, deadline)
        ended(report)
    _log(report)
    return report, written, told


@contextmanager
def _last_resort(deadline: Deadline) -> Iterator[None]:
    """End the process where nothing else did: the deadline bounds each stage, and this the mistakes in that."""

    def give_up() -> None:
        logs.tell(f"northflank-audit: the run has not ended {LONGEST_OVERTIME:g} s after --timeout; no verdict")
        stopping.leave(AuditError.exit_code)

    timer = threading.Timer(deadline.remaining + LONGEST_OVERTIME, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _log(report: Report) -> None:
    """Say how the run ended, in fields that a program can raise an alarm by."""
    came = {
        "outcome": outcome(report),
        "exitCode": report.exit_code,
        "violations": report.summary.fail,
        "unknown": report.summary.unknown + report.summary.error,
        "reasons": report.run.incomplete_reasons,
    }
    level = logging.INFO if report.run.complete else logging.ERROR
    log.log(level, "%s; exit code %d", headline(report), report.exit_code, extra=came)


def read_policy(settings: Settings) -> Policy:
    """Read everything that the verdicts depend on, besides the resources."""
    demo_config, waivers = None, settings.waivers
    if settings.demo and not settings.rules:  # the demo's policy tunes the shipped rules
        # It is named as the shipped rules are: the report is the same wherever the tool is installed.
        demo_config = Document(read_text(str(bundled.DEMO_CONFIG)), bundled.DEMO_CONFIG.name)
        waivers = settings.waivers or str(bundled.DEMO_WAIVERS)
    book = read_rules(settings.rules, demo_config, settings.config)
    rules = chosen(book, settings.rule, settings.skip_rule)
    first = _first(settings)
    placed = read_waivers(waivers, settings.waivers or bundled.DEMO_WAIVERS.name) if waivers else []
    return Policy(
        rules=rules,
        waivers=[waiver for _, waiver in placed],
        earlier=read_baseline(settings.compare) if settings.compare and not first else None,
        book=book,
        places=[place for place, _ in placed],
        left_out=left_out(book, rules, settings.skip_rule),
        warnings=[
            *first,
            *settings.weakened,
            *unread(book),
            *(each.told for each in futile(book, {rule.id for rule in rules})),
        ],
    )


def _first(settings: Settings) -> list[str]:
    """Return a warning where there is nothing to compare with yet: the report that this run is the first to write."""
    if settings.compare is None or os.path.lexists(settings.compare):
        return []
    own = [path for name, path in settings.places if name == "json"]
    if os.path.realpath(settings.compare) not in map(os.path.realpath, own):
        return []
    return [
        f"{spelt(settings.compare)} is not there yet: this report is compared with none, and the next with this one"
    ]


@contextmanager
def opened(settings: Settings, deadline: Deadline | None = None) -> Iterator[Source]:
    """Give the source of the resources: the API, files, or the emulator's API."""
    deadline = deadline or Deadline(settings.timeout)
    if settings.input:
        contents = [(_input_name(path), read_bytes(path, largest=LARGEST_DATA)) for path in settings.input]
        yield InputSource(contents, settings.team[0] if settings.team else None)
        return
    from northflank_audit.northflank.client import Client  # noqa: PLC0415 - imports requests
    from northflank_audit.sources.api import ApiSource  # noqa: PLC0415 - as above

    with ExitStack() as stack:
        if settings.demo:
            from northflank_audit.emulator import Emulator, load  # noqa: PLC0415 - for the demo only

            emulator = stack.enter_context(Emulator(load(None)))
            url, token = emulator.url, Token(emulator.token, "the emulator")
        else:
            url, token = settings.api_url, settings.token(os.environ)
        client = stack.enter_context(
            Client(url, token, max_attempts=settings.max_attempts, deadline=deadline, direct=settings.demo)
        )
        origin = Origin(
            kind="demo" if settings.demo else "api",
            url=url,
            teams=list(settings.team),
            all_teams=settings.all_teams or UNSET,
        )
        teams = None if settings.all_teams else settings.team
        yield ApiSource(client, origin, teams, page_size=settings.page_size, details=settings.details != "never")


def audit(
    settings: Settings, policy: Policy, source: Source, watch: Watch, run_id: str = "", deadline: Deadline | None = None
) -> Report:
    """Judge every resource of the source by every rule, and add it up."""
    started = dt.datetime.now(dt.UTC)
    engine = TimedEngine(policy.rules, source.as_of or started, deadline or Deadline(math.inf), absent=settings.absent)
    tally = Tally(engine, WaiverBook(policy.waivers, started.date()), settings.include, policy.earlier)
    snapshot = SnapshotWriter() if settings.save_snapshot or settings.writes("attestation") else None
    counted: Counter[str] = Counter()
    accounts = 0
    for known in judged(engine, source, settings.details):
        tally.add(known.verdicts)
        if snapshot is not None:
            snapshot.add(known.resources)
        counted.update(each.type for each in known.resources if each.id)
        accounts += known.accounts
        watch(len(known.resources))
    problems, warnings = [*source.problems, *engine.problems()], [*policy.warnings, *source.warnings]
    # What else makes the audit incomplete takes nothing from the evidence: a control that an unknown verdict does
    # not touch, or whose report could not be written, is as met as it was.
    seen = not problems
    warnings += _age(source.as_of, started)
    coverage = source.coverage()
    coverage = replace(
        coverage,
        resources=counted.total(),
        accounts=accounts if engine.about_accounts else UNSET,
        types=by_type(coverage.types, counted, policy.rules, complete=not source.problems),
    )
    if not coverage.resources and not problems:
        checked = "only the account itself was checked" if coverage.accounts else "nothing was checked"
        about = dict.fromkeys(words(rule.resource).plural for rule in policy.rules if rule.resource != ACCOUNT_TYPE)
        warnings.append(f"there are no {' and no '.join(about) or 'resources'}: {checked}")
    subjects, lost = _kept(settings, source, snapshot, started)
    if settings.writes("attestation") and not all(each.saved for each in subjects):
        warnings.append("the attestation is about a snapshot that nobody has: --save-snapshot FILE keeps it")
    problems += lost
    # A rule that fails on everything is broken: to ignore what is unknown does not make it pass.
    problems += tally.unjudged(broken=settings.on_unknown == "ignore")
    run_ = Run(
        id=run_id,
        started_at=started,
        finished_at=dt.datetime.now(dt.UTC),
        source=source.origin,
        complete=not problems,
        incomplete_reasons=problems,
        undelivered=lost,
    )
    return tally.report(
        TOOL,
        run_,
        coverage,
        warnings,
        settings.fail_on,
        on_unknown=settings.on_unknown,
        seen=seen,
        left_out=policy.left_out,
        accounts=source.accounts.keys(),
        subjects=subjects or UNSET,
    )


def _kept(
    settings: Settings, source: Source, snapshot: SnapshotWriter | None, now: dt.datetime
) -> tuple[list[Subject], list[str]]:
    """Save what was fetched, if that is wanted; return what was judged, and why it could not be saved."""
    if snapshot is None:
        return source.subjects, []
    path, problems = settings.save_snapshot, []
    text = snapshot.text(TOOL, source.as_of or now, source)
    try:
        if path is not None:
            files.write(path, text)
    except DeliveryError as error:
        problems.append(str(error))
    saved = path is not None and not problems
    made = Subject(
        name=spelt(Path(path or "snapshot.json").name), sha256=sha256(text.encode()).hexdigest(), saved=saved
    )
    return source.subjects or [made], problems


def _age(as_of: dt.datetime | None, now: dt.datetime) -> Iterator[str]:
    """Yield a warning where what was judged is not today's."""
    days = 0 if as_of is None else (now - as_of).days
    if days:
        yield f"the snapshot is {plural(days, 'day')} old, and was judged as of then"


def _input_name(path: str) -> str:
    return "standard input" if path == "-" else spelt(path)
