"""A year of daily runs whose drift is known exactly: what the history says of it agrees, and so does the evidence."""

import csv
import datetime as dt
import io
import json
import zipfile

import pytest
from trestle.oscal.assessment_results import Model

from northflank_audit.controls import ControlVerdict
from northflank_audit.history.database import Database
from northflank_audit.history.evidence_collection import evidence
from northflank_audit.history.evidence_pack import MANIFEST, pack_files
from northflank_audit.history.lives import lives
from northflank_audit.history.past import Holder
from northflank_audit.history.retention import prune
from northflank_audit.history.runs import account_ids, runs
from northflank_audit.history.statistics import statistics
from northflank_audit.model import Waiver
from tests.conftest import resource, rule
from tests.history.conftest import START, Account

DAY = dt.timedelta(days=1)
DAYS = 365
COUNT = 40
OPEN = rule(
    id="open",
    title="Open",
    require="!credential.open",
    severity="high",
    controls={"soc2": ["CC6.1"], "nist-800-53": ["AC-6(1)"], "pci-dss": ["8.3.6"]},
)
WAIVER = Waiver(
    rule="open", resource="c7", reason="=HYPERLINK(1)", owner="o@example.com", expires=dt.date(2026, 12, 31)
)
MISSED = {100, 101, 102, 200}
INCOMPLETE = {50, 51}
WAIVED = range(30, 60)


def is_open(number: int, day: int) -> bool:
    """Tell whether a credential is open on a day: each for a week of its own length and phase."""
    return (day + 3 * number) // (7 + number) % 2 == 0


def expected() -> dict[int, list[tuple[int, int | None]]]:
    """Return the times in which each credential was seen open: from the day of a run to that of another."""
    spans: dict[int, list[tuple[int, int | None]]] = {}
    for number in range(COUNT):
        begun = None
        for day in (each for each in range(DAYS) if each not in MISSED):
            if is_open(number, day) and begun is None:
                begun = day
            elif not is_open(number, day) and begun is not None:
                spans.setdefault(number, []).append((begun, day))
                begun = None
        if begun is not None:
            spans.setdefault(number, []).append((begun, None))
    return spans


@pytest.fixture(scope="module")
def year(tmp_path_factory) -> Database:
    database = Database.of(str(tmp_path_factory.mktemp("year") / "history.db"))
    account = Account(database, Holder("api.northflank.com", "acme"))
    for day in range(DAYS):
        if day in MISSED:
            continue
        found = [resource(id=f"c{number}", name=f"C {number}", open=is_open(number, day)) for number in range(COUNT)]
        # An incomplete run saw all of these; it is not known what it did not see.
        account.audited(
            *found,
            rules=[OPEN],
            at=START + day * DAY,
            seen=day not in INCOMPLETE,
            waivers=[WAIVER] if day in WAIVED else [],
        )
    return database


def test_the_life_of_each_finding_is_what_happened(year):
    with year.reading() as connection:
        found = lives(connection, account_ids(connection))
        assert len(runs(connection)) == DAYS - len(MISSED)
    spans = expected()
    assert {int(each.finding.resource.id[1:]) for each in found} == set(spans)
    for life in found:
        seen = [((b.at - START).days, None if e is None else (e.at - START).days) for b, e in life.periods()]
        assert seen == spans[int(life.finding.resource.id[1:])]
        assert life.open == (seen[-1][1] is None)


def test_the_figures_agree(year):
    now = START + (DAYS - 1) * DAY + dt.timedelta(hours=1)
    with year.reading() as connection:
        (figures,) = statistics(connection, now, every=DAY)
    spans = expected()
    closed = [end - begin for each in spans.values() for begin, end in each if end is not None]
    assert figures.remediation["high"].resolved == len(closed)
    assert figures.remediation["high"].mean_seconds == pytest.approx(sum(closed) / len(closed) * 86_400)
    assert [(gap.expected, (gap.after - START).days) for gap in figures.missed] == [(3, 99), (1, 199)]
    for point in figures.trend:
        day = (point.at - START).days
        waived = day in WAIVED and is_open(7, day)
        assert point.open["high"] == sum(is_open(number, day) for number in range(COUNT)) - waived
        assert point.complete == (day not in INCOMPLETE)


def test_the_evidence_of_a_quarter_agrees(year):
    begin, end = (START + 20 * DAY).date(), (START + 109 * DAY).date()
    with year.reading() as connection:
        pack = evidence(connection, begin, end, now=START + DAYS * DAY, version="1")
    assert len(pack.runs) == 90 - 3
    assert [((gap.begin - START).days, (gap.end - START).days, gap.why) for gap in pack.gaps] == [
        (49, 52, "2 incomplete"),
        (99, 103, "no run"),
    ]
    overlapping = [
        (number, a, None if b is None or b > 109 else b)
        for number, spans in expected().items()
        for a, b in spans
        if a <= 109 and (b is None or b >= 20)
    ]
    listed = [
        (
            int(each.life.finding.resource.id[1:]),
            (each.found - START).days,
            None if each.resolved is None else (each.resolved - START).days,
        )
        for each in pack.findings
    ]
    assert sorted(listed, key=str) == sorted(overlapping, key=str)
    assert [each.waiver for each in pack.waivers] == [WAIVER]
    spans = [(each.begin, each.end, each.verdict) for each in pack.controls if each.framework == "soc2"]
    assert sum(each.runs for each in pack.controls if each.framework == "soc2") == len(pack.runs)
    for begin, end, verdict in spans:
        for day in range((begin - START).days, (end - START).days + 1):
            if day in MISSED:
                continue
            violated = any(is_open(number, day) and not (number == 7 and day in WAIVED) for number in range(COUNT))
            assert (verdict is ControlVerdict.NOTMET) == violated


def test_the_files_of_the_evidence_are_what_their_formats_want(year):
    with year.reading() as connection:
        pack = evidence(connection, START.date(), (START + 364 * DAY).date(), now=START + DAYS * DAY, version="1")
    files = pack_files(pack)
    results = json.loads(files["assessment-results.json"])
    Model(**results)  # as NIST's schema has it
    (result,) = results["assessment-results"]["results"]
    controls = [each["control-id"] for each in result["reviewed-controls"]["control-selections"][0]["include-controls"]]
    assert controls == ["ac-6.1", "pci-dss_8.3.6", "soc2_CC6.1"]
    rows = list(csv.DictReader(io.StringIO(files["findings.csv"].decode())))
    assert len(rows) == len(pack.findings)
    waivers = files["waivers.csv"].decode()
    assert "'=HYPERLINK" in waivers, "a spreadsheet would take it for a formula"
    assert zipfile.ZipFile(io.BytesIO(files["evidence.xlsx"])).testzip() is None
    assert pack_files(pack) == files, "the same evidence gives the same bytes"
    assert json.loads(files[MANIFEST])["incompleteRuns"] == len(INCOMPLETE)


def test_a_prune_keeps_what_is_open_and_the_last_run(tmp_path, year):
    copy = tmp_path / "copy.db"
    copy.write_bytes(year.file.read_bytes())
    database = Database.of(str(copy))
    with database.reading() as connection:
        before = {each.finding.fingerprint: each for each in lives(connection, account_ids(connection))}
    cutoff = START + 300 * DAY
    with database.writing() as connection:
        pruned = prune(connection, cutoff, cutoff.date())
    database.compact()
    with database.reading() as connection:
        after = {each.finding.fingerprint: each for each in lives(connection, account_ids(connection))}
        kept = runs(connection)
    assert pruned.runs > 0
    assert kept[-1].started_at == START + (DAYS - 1) * DAY
    still = {key for key, each in before.items() if each.open or each.changes[-1].at >= cutoff}
    assert set(after) == still
    assert all(after[key].changes == before[key].changes for key in still)
