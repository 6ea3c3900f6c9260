"""What is called new, ongoing or resolved, and what is not."""

import datetime as dt

import msgspec
import pytest
from msgspec.structs import replace

from northflank_audit.audit.baseline_reading import baseline_of
from northflank_audit.audit.comparison import BaselineComparison
from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.baseline import Baseline, BaselineFile, baseline_file
from northflank_audit.gate import Gate
from northflank_audit.model import Account, Severity, fingerprint
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_book import WaiverBook
from northflank_audit.remarks import Waiver
from northflank_audit.report import Coverage, Origin, Run, Tool
from tests.conftest import resource, rule

MONDAY = dt.datetime(2026, 11, 16, 6, tzinfo=dt.UTC)
OPEN = rule(id="open", when="credential.kind != 'exempt'", require="!credential.open")
NAMED = rule(id="named", require="credential.name != ''")
ALL_COUNT = Gate()
API = Origin(kind="api", url="https://api.northflank.com")
WAIVER = Waiver(rule="open", resource="a", reason="r", owner="o", expires=dt.date(2027, 1, 1))


def audited(
    *resources,
    rules=(OPEN,),
    baseline=None,
    week=0,
    complete=True,
    seen=None,
    source=API,
    waivers=(),
    teams=None,
    unread=(),
    gate=ALL_COUNT,
):
    """Evaluate, and return the report; what the next week's is compared with is what its JSON says."""
    now = MONDAY + dt.timedelta(weeks=week)
    engine = Engine(list(rules), now)
    baseline = None if baseline is None else msgspec.json.decode(msgspec.json.encode(baseline), type=Baseline)
    totals = VerdictTotals(engine, WaiverBook(list(waivers), now.date()), (), baseline and BaselineComparison(baseline))
    totals.add(engine.evaluate(resources))
    run = Run(
        id=f"{week:016}",
        started_at=now,
        finished_at=now + dt.timedelta(seconds=2),
        source=source,
        complete=complete,
        incomplete_reasons=[] if complete else ["page 2: 403 Forbidden"],
    )
    accounts = teams if teams is not None else source.teams or [None]
    seen = complete if seen is None else seen
    return totals.report(Tool("t", "1"), run, Coverage(), [], gate, seen=seen, accounts=accounts, unread=unread)


def credential(identity="a", opened=True, kind="usual", **more):
    return resource(id=identity, name=identity, open=opened, kind=kind, **more)


def became(report):
    """Return what became of each earlier violation, in `resolved` and in `unsettled`."""
    return tuple(
        {each.resource.id: str(each.became) for each in found} for found in (report.resolved, report.unsettled)
    )


def states(report):
    return {each.resource.id: each.state for each in report.results if each.state is not msgspec.UNSET}


FIRST = audited(credential("a"), credential("b"), credential("c"))


def test_what_was_there_before_is_ongoing_and_the_rest_is_new():
    report = audited(credential("a"), credential("d"), credential("b", opened=False), baseline=FIRST, week=1)
    assert states(report) == {"a": "ongoing", "d": "new"}
    assert became(report) == ({"b": "fixed", "c": "gone"}, {})
    found = report.comparison
    assert (found.new, found.ongoing, found.resolved, found.unsettled) == (1, 1, 2, 0)
    assert (found.baseline.id, found.baseline.complete, found.refused, found.cautions) == ("0" * 16, True, None, [])


def test_without_an_earlier_report_nothing_is_said_of_one():
    assert not {"comparison", "resolved", "unsettled"} & msgspec.to_builtins(FIRST).keys()
    assert states(FIRST) == {}


def test_what_is_unknown_today_is_neither_new_nor_ongoing_nor_resolved():
    unknown = resource(id="a", name="a", kind="usual")
    report = audited(unknown, credential("b"), credential("c"), baseline=FIRST, week=1)
    assert states(report) == {"b": "ongoing", "c": "ongoing"}
    assert became(report) == ({}, {"a": "unknown"})
    broken = audited(credential("a", opened="yes"), credential("b"), credential("c"), baseline=FIRST, week=1)
    assert became(broken) == ({}, {"a": "unknown"})  # the rule itself failed on it


def test_what_was_not_seen_today_is_not_resolved_and_what_was_seen_is():
    report = audited(credential("a", opened=False), baseline=FIRST, week=1, complete=False)
    assert became(report) == ({"a": "fixed"}, {"b": "unseen", "c": "unseen"})


def test_an_audit_that_is_incomplete_for_another_reason_has_seen_what_is_gone():
    report = audited(credential("a"), baseline=FIRST, week=1, complete=False, seen=True)
    assert became(report) == ({"b": "gone", "c": "gone"}, {})


def test_what_the_rule_asks_nothing_of_any_more_is_told_from_what_was_fixed():
    report = audited(credential("a", kind="exempt"), credential("b"), credential("c"), baseline=FIRST, week=1)
    assert became(report) == ({"a": "notapplicable"}, {})


def test_a_rule_that_did_not_run_resolves_nothing():
    report = audited(credential("a"), credential("b"), rules=[NAMED], baseline=FIRST, week=1)
    assert became(report) == ({}, dict.fromkeys("abc", "unasked"))


def test_an_account_that_was_not_audited_resolves_nothing():
    both = Origin(kind="api", url=API.url, teams=["one", "two"])
    first = audited(credential("a", team="one"), credential("b", team="two"), source=both)
    one = Origin(kind="api", url=API.url, teams=["one"])
    report = audited(baseline=first, week=1, source=one)
    assert became(report) == ({"a": "gone"}, {"b": "unaudited"})


def test_what_could_not_be_seen_or_evaluated_is_followed_until_it_can():
    second = audited(resource(id="a", name="a", kind="usual"), baseline=FIRST, week=1, complete=False)
    assert became(second) == ({}, {"a": "unknown", "b": "unseen", "c": "unseen"})
    third = audited(credential("a"), credential("b", opened=False), baseline=second, week=2)
    assert states(third) == {"a": "ongoing"}
    assert became(third) == ({"b": "fixed", "c": "gone"}, {})


def test_what_was_left_out_on_purpose_is_told_once():
    second = audited(credential("a"), rules=[NAMED], baseline=FIRST, week=1)
    assert became(audited(credential("a"), rules=[NAMED], baseline=second, week=2)) == ({}, {})


def test_a_resolved_violation_says_no_more_of_what_it_was_than_it_was():
    second = audited(credential("a"), credential("b"), baseline=FIRST, week=1)
    (gone,) = second.resolved
    assert gone.state is msgspec.UNSET
    third = audited(baseline=second, week=2)
    assert [(each.resource.id, each.state) for each in third.resolved] == [("a", msgspec.UNSET), ("b", msgspec.UNSET)]


def test_waivers_that_came_or_ended_are_counted():
    waived = audited(credential("a"), credential("b"), waivers=[WAIVER])
    after = audited(credential("a"), credential("b"), baseline=waived, week=1).comparison
    assert (after.new, after.ongoing, after.unwaived, after.waived) == (0, 2, 1, 0)
    before = audited(credential("a"), credential("b"), baseline=FIRST, week=1, waivers=[WAIVER]).comparison
    assert (before.new, before.ongoing, before.unwaived, before.waived) == (0, 1, 0, 1)
    still = audited(credential("a"), credential("b"), baseline=waived, week=1, waivers=[WAIVER]).comparison
    assert (still.new, still.ongoing, still.unwaived, still.waived) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("earlier", "today", "why"),
    [
        (API, Origin(kind="demo", url="http://127.0.0.1:1"), "is of the API at https://api.northflank.com"),
        (Origin(kind="demo", url="http://127.0.0.1:1"), API, "is of the sample account"),
        (Origin(kind="api", url=API.url, teams=["x"]), API, "is of team x, which this audit did not read"),
        (API, Origin(kind="api", url=API.url, teams=["x"]), "is of the token's own account, which this"),
    ],
)
def test_reports_of_different_things_are_not_compared(earlier, today, why):
    report = audited(baseline=audited(credential("a"), source=earlier), week=1, source=today)
    assert why in report.comparison.refused
    assert (report.resolved, report.unsettled, states(report), report.comparison.resolved) == ([], [], {}, 0)


def test_two_demos_are_of_the_same_account_wherever_they_are_served():
    one, other = (Origin(kind="demo", url=f"http://127.0.0.1:{port}") for port in (1, 2))
    report = audited(credential("a"), baseline=audited(credential("a"), source=one), week=1, source=other)
    assert (report.comparison.refused, report.comparison.cautions, states(report)) == (None, [], {"a": "ongoing"})


@pytest.mark.parametrize(
    ("earlier", "today", "caution"),
    [
        ({"complete": False}, {}, "is incomplete (page 2: 403 Forbidden): what is new here may have been there before"),
        (
            {"source": Origin(kind="input", files=["a.json"])},
            {},
            "is of a.json, this one of the API at https://api.north",
        ),
        (
            {"source": Origin(kind="input", files=["a.json"])},
            {"source": Origin(kind="input", files=["b.json"])},
            "is of a.json, this one of b.json: the comparison holds only if both are of the same account",
        ),
        (
            {"source": Origin(kind="api", url="https://other.example")},
            {},
            "is of the API at https://other.example, this one of the API at https://api.northflank.com: the comparison",
        ),
        ({"week": 2}, {}, "was made after this audit began"),
        ({"rules": [NAMED]}, {}, "did not run open, so all of its violations are new"),
        ({"rules": [replace(OPEN, params={"a": 1})]}, {}, "the file or parameters of open changed"),
        ({"rules": [replace(OPEN, sha256="0" * 64)]}, {}, "the file or parameters of open changed"),
    ],
)
def test_what_makes_a_comparison_less_than_certain_is_said(earlier, today, caution):
    report = audited(credential("a"), baseline=audited(credential("b"), **earlier), **{"week": 1, **today})
    assert states(report) == {"a": "new"}
    assert len(report.comparison.cautions) == 1
    assert caution in report.comparison.cautions[0]


def test_a_team_that_the_earlier_report_did_not_audit_has_only_new_violations():
    one = Origin(kind="api", url=API.url, teams=["one"])
    both = Origin(kind="api", url=API.url, teams=["one", "two"])
    first = audited(credential("a", team="one"), source=one)
    report = audited(credential("a", team="one"), credential("b", team="two"), baseline=first, week=1, source=both)
    assert states(report) == {"a": "ongoing", "b": "new"}
    assert report.comparison.cautions == ["the earlier report did not audit team two, so everything there is new"]
    assert audited(credential("a", team="one"), baseline=first, week=1, source=both).comparison.cautions == []


def test_what_the_earlier_report_could_not_evaluate_may_not_be_new():
    first = audited(resource(id="a", name="a", kind="usual"))
    report = audited(credential("a"), credential("b"), baseline=first, week=1)
    assert report.comparison.cautions == [
        "1 of what is new was unknown in the earlier report, and may have been there before"
    ]


def test_no_more_than_three_rules_are_named():
    rules = [rule(id=f"r{n}", require="false") for n in range(5)]
    report = audited(credential("a"), rules=rules, baseline=audited(credential("a"), rules=[NAMED]), week=1)
    assert "did not run r0, r1, r2 and 2 more," in report.comparison.cautions[0]


def test_no_caution_is_given_for_what_does_not_matter():
    """A rule that is new or has changed, and that nothing violates or violated; the teams of saved JSON, unknown."""
    first = audited(credential("a"), rules=[OPEN, replace(NAMED, params={"a": 1})])
    quiet = rule(id="quiet", require="true")
    report = audited(credential("a"), credential("b"), rules=[OPEN, NAMED, quiet], baseline=first, week=1)
    assert (states(report), report.comparison.cautions) == ({"a": "ongoing", "b": "new"}, [])
    saved = audited(credential("a", team="one"), source=Origin(kind="input", files=["a.json"]))
    team = Origin(kind="api", url=API.url, teams=["one"])
    report = audited(credential("b", team="one"), baseline=saved, week=1, source=team)
    assert ["only if both are of the same account" in caution for caution in report.comparison.cautions] == [True]


def test_a_rule_that_is_about_something_else_now_resolves_nothing():
    """No credential was asked what the rule of this name asked before."""
    about_accounts = rule(id="open", resource="account", require="size(resources) < 100")
    report = audited(credential("b"), rules=[about_accounts], baseline=audited(credential("a")), week=1)
    assert became(report) == ({}, {"a": "unasked"})


def test_what_accounts_there_are_may_be_what_was_not_seen():
    """The list of teams ends with its first page, or can't be read at all: no team has been left out on purpose."""
    both = Origin(kind="api", url=API.url, teams=["one", "two"])
    first = audited(credential("a", team="one"), credential("b", team="two"), source=both)
    one = Origin(kind="api", url=API.url, teams=["one"])
    report = audited(credential("a", team="one"), baseline=first, week=1, source=one, complete=False)
    assert became(report) == ({}, {"b": "unseen"})
    none = audited(baseline=first, week=1, complete=False, teams=[])
    assert (none.comparison.refused, became(none)) == (None, ({}, {"a": "unseen", "b": "unseen"}))
    again = audited(credential("a", team="one"), baseline=none, week=2, source=both)
    assert (states(again), became(again)) == ({"a": "ongoing"}, ({"b": "gone"}, {}))


def test_what_a_list_held_that_this_audit_did_not_have_is_not_gone():
    """An input need not hold every list that a rule is about; then nothing is missing, and yet nothing is known."""
    first = audited(credential("a"), credential("b"))
    for unread, expected in (
        ({(None, "registry-credential")}, ({}, {"a": "unseen", "b": "unseen"})),
        ({("x", "registry-credential"), (None, "addon")}, ({"a": "gone", "b": "gone"}, {})),
    ):
        assert became(audited(baseline=first, week=1, unread=unread)) == expected


def test_an_audit_that_saw_another_account_is_refused_though_it_is_incomplete():
    team = Origin(kind="api", url=API.url, teams=["x"])
    report = audited(baseline=audited(credential("a")), week=1, source=team, complete=False)
    assert "which this audit did not read" in report.comparison.refused
    none = audited(baseline=audited(credential("a", team="x"), source=team), week=1, teams=[])  # there is no team now
    assert "which this audit did not read" in none.comparison.refused


def test_what_ended_is_in_the_reports_order():
    first = audited(credential("c"), credential("a"), rules=[OPEN, rule(id="z", severity="high", require="false")])
    ended = audited(baseline=first, week=1, rules=[OPEN, rule(id="z", severity="high", require="false")]).resolved
    assert [(each.rule_id, each.resource.id) for each in ended] == [
        ("z", "a"),
        ("z", "c"),
        ("open", "a"),
        ("open", "c"),
    ]


def test_an_earlier_report_that_ended_while_this_audit_ran_is_told():
    report = audited(credential("a"), baseline=replace(FIRST, run=replace(FIRST.run, finished_at=MONDAY)))
    assert report.comparison.cautions == []
    report = audited(credential("a"), baseline=audited(credential("a")))  # which ends two seconds after this one began
    assert "was made after this audit began" in report.comparison.cautions[0]


def test_what_a_rule_failed_on_before_may_not_be_new():
    report = audited(credential("a"), baseline=audited(credential("a", opened="yes")), week=1)
    assert report.comparison.cautions[0].startswith("1 of what is new was unknown in the earlier report")


def test_a_rule_that_changed_is_told_where_something_is_resolved_by_it():
    changed = replace(OPEN, params={"a": 1})
    report = audited(credential("a", opened=False), rules=[changed], baseline=audited(credential("a")), week=1)
    assert report.comparison.cautions == [
        "the file or parameters of open changed; what is new or resolved may come from that"
    ]


def test_an_earlier_report_without_digests_is_not_said_to_have_other_rules():
    known = replace(OPEN, sha256="0" * 64)
    first = audited(credential("a"), rules=[known])
    without = replace(first, rules=[replace(each, sha256="") for each in first.rules])
    assert audited(credential("a"), rules=[known], baseline=without, week=1).comparison.cautions == []


def test_an_account_and_a_credential_of_its_name_are_told_apart():
    every = rule(id="open", resource="account", require="size(resources) < 0")
    account = Account(team=None)
    engine = Engine([every], MONDAY)

    def evaluated(earlier):
        baseline = None if earlier is None else msgspec.json.decode(msgspec.json.encode(earlier), type=Baseline)
        totals = VerdictTotals(engine, WaiverBook([], MONDAY.date()), (), baseline and BaselineComparison(baseline))
        totals.add(engine.evaluate_account(account, [credential("account")]))
        run = Run(id="1", started_at=MONDAY, finished_at=MONDAY, source=API, complete=True, incomplete_reasons=[])
        return totals.report(Tool("t", "1"), run, Coverage(), [], Gate(None), seen=True, accounts=[None])

    first = evaluated(None)
    assert states(evaluated(first)) == {"account": "ongoing"}
    assert evaluated(first).unsettled == evaluated(first).resolved == []
    credentials = audited(credential("account"))
    assert (states(evaluated(credentials)), became(evaluated(credentials))) == (
        {"account": "new"},
        ({}, {"account": "unasked"}),
    )


@pytest.mark.parametrize(
    ("fail_on", "complete", "code"),
    [(Severity.LOW, True, 1), (Severity.MEDIUM, True, 0), (None, True, 0), (Severity.LOW, False, 3), (None, False, 3)],
)
def test_the_exit_code_is_that_of_the_lowest_severity_that_counts_and_an_incomplete_audit_beats_it(
    fail_on, complete, code
):
    engine = Engine([OPEN], MONDAY)
    totals = VerdictTotals(engine, WaiverBook([], MONDAY.date()))
    totals.add(engine.evaluate([credential("a")]))
    run = Run(id="1", started_at=MONDAY, finished_at=MONDAY, source=API, complete=complete, incomplete_reasons=[])
    assert totals.report(Tool("t", "1"), run, Coverage(), [], Gate(fail_on)).exit_code == code


def test_what_was_pending_takes_its_place_in_that_order():
    second = audited(credential("c"), baseline=FIRST, week=1, complete=False)
    assert [each.resource.id for each in audited(baseline=second, week=2).resolved] == ["a", "b", "c"]


def undelivered(report, *reasons):
    lost = "the mail could not be sent"
    run = replace(report.run, complete=False, incomplete_reasons=[*reasons, lost], undelivered=[lost])
    return replace(report, run=run)


def test_what_nobody_was_told_is_told_again():
    """A mail about changes fails: what it should have said is not lost with it."""
    second = audited(credential("a"), credential("d"), credential("b", opened=False), baseline=FIRST, week=1)
    again = [credential("a"), credential("d"), credential("b", opened=False)]
    told = audited(*again, baseline=second, week=2)
    assert (states(told), became(told)) == ({"a": "ongoing", "d": "ongoing"}, ({}, {}))
    owed = audited(*again, baseline=undelivered(second), week=2)
    assert (states(owed), became(owed)) == ({"a": "ongoing", "d": "new"}, ({"b": "fixed", "c": "gone"}, {}))
    assert (owed.comparison.new, owed.comparison.resolved, owed.comparison.baseline.complete) == (1, 2, True)
    (caution,) = owed.comparison.cautions
    assert "was not delivered everywhere" in caution
    paid = audited(*again, baseline=owed, week=3)
    assert (states(paid), became(paid)) == ({"a": "ongoing", "d": "ongoing"}, ({}, {}))


def test_what_was_resolved_then_and_is_violated_again_is_new_and_not_resolved():
    second = undelivered(audited(credential("a"), credential("b", opened=False), baseline=FIRST, week=1))
    report = audited(credential("b"), resource(id="c", name="c", kind="usual"), baseline=second, week=2)
    assert states(report) == {"b": "new"}
    assert became(report) == ({"a": "gone"}, {})  # c can't be evaluated: whether it is still resolved is not known


def test_an_earlier_report_that_was_not_delivered_and_not_whole_is_both():
    report = audited(credential("a"), baseline=undelivered(FIRST, "page 2: 403 Forbidden"), week=1)
    assert not report.comparison.baseline.complete
    assert ["delivered" in each or "incomplete (page 2" in each for each in report.comparison.cautions] == [True, True]


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("run", "finishedAt"), "2026-11-16T06:00:00"),
        (("run", "finishedAt"), "0001-01-01T00:00:00+14:00"),
        (("run", "startedAt"), "9999-12-31T23:59:59-12:00"),
        (("run", "source", "takenAt"), "2026-11-16T06:00:00"),
        (("run", "source", "teams"), "a"),
        (("run", "complete"), "true"),
        (("rules",), None),
        (("results", 0, "status"), "bad"),
        (("results", 0, "resource", "team"), 7),
        (("results", 0, "evidence"), {"x": deep(200)}),
    ],
)
def test_a_report_with_values_of_another_kind_is_none(place, value):
    given = msgspec.json.decode(msgspec.json.encode(FIRST))
    assert baseline_of(given).results
    at = given
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    with pytest.raises(msgspec.ValidationError):
        baseline_of(given)


def test_what_earlier_versions_called_mended_is_read_as_fixed():
    second = audited(credential("a", opened=False), credential("b"), credential("c"), baseline=FIRST, week=1)
    lost = replace(second, run=replace(second.run, complete=False, incomplete_reasons=["mail"], undelivered=["mail"]))
    before = msgspec.json.encode(lost).decode().replace('"became":"fixed"', '"became":"mended"')
    assert "mended" in before
    baseline = baseline_of(msgspec.json.decode(before))
    assert [each.became for each in baseline.resolved] == ["fixed"]
    third = audited(credential("a", opened=False), credential("b"), credential("c"), baseline=baseline, week=2)
    assert became(third) == ({"a": "fixed"}, {})
    assert "mended" not in msgspec.json.encode(third).decode()


# The gate on what is new


ONLY_NEW = Gate(fail_on_new=True)


def gated(*resources, baseline=FIRST, week=1, **more):
    return audited(*resources, baseline=baseline, week=week, gate=ONLY_NEW, **more)


def test_ongoing_violations_do_not_count_and_new_ones_do():
    assert (gated(credential("a"), credential("b")).exit_code, FIRST.exit_code) == (0, 1)
    report = gated(credential("a"), credential("d"))
    assert (report.exit_code, report.gate.not_counted) == (1, 1)


@pytest.mark.parametrize(
    "baseline",
    [
        audited(credential("z"), complete=False),  # it did not see a
        audited(resource(id="a", name="a", kind="usual")),  # it could not evaluate a
        audited(credential("a", opened="yes")),  # its rule failed on a
        audited(credential("a", kind="exempt")),
        audited(credential("a"), rules=[NAMED]),
        audited(credential("a", team="t"), source=replace(API, teams=["t"]), teams=["t"]),  # another a
        audited(credential("a"), source=Origin(kind="demo")),  # nothing is compared
    ],
    ids=["unseen", "unknown", "error", "not applicable", "other rules", "other account", "refused"],
)
def test_what_the_baseline_could_not_know_is_new(baseline):
    report = gated(credential("a"), baseline=baseline)
    assert (report.exit_code, report.gate.not_counted) == (1, 0)


def test_what_was_known_and_then_not_seen_for_a_day_is_still_not_new():
    bad_day = audited(credential("a"), baseline=FIRST, week=1, complete=False)
    assert gated(credential("b"), baseline=bad_day, week=2).exit_code == 0


def test_what_was_resolved_and_came_back_is_new():
    fixed = audited(credential("a", opened=False), baseline=FIRST, week=1)
    assert gated(credential("a"), baseline=fixed, week=2).exit_code == 1


def test_what_was_waived_counts_when_the_waiver_is_over():
    waived = audited(credential("a"), waivers=[WAIVER])
    assert gated(credential("a"), baseline=waived, waivers=[WAIVER]).exit_code == 0
    report = gated(credential("a"), baseline=waived)
    assert (report.exit_code, report.gate.not_counted, states(report)) == (1, 0, {"a": "ongoing"})
    assert (report.results[0].unwaived, report.comparison.unwaived) == (True, 1)


def test_an_incomplete_audit_beats_the_gate():
    assert gated(credential("a"), complete=False).exit_code == 3


# Baseline files


def committed(report):
    """Return the baseline of the file that is written from a report, read again."""
    file = baseline_file(baseline_of(msgspec.json.decode(msgspec.json.encode(report))), {})
    return msgspec.json.decode(file.text, type=BaselineFile).baseline


def test_a_baseline_file_compares_as_the_report_does():
    shop = resource(id="s", name="s", open=True, kind="usual", team="t")
    first = audited(credential("a"), credential("b"), credential("c"), shop, source=replace(API, teams=["t"]),
                    teams=[None, "t"])  # fmt: skip
    again = [
        credential("a"),
        credential("d"),
        credential("b", opened=False),
        resource(id="s", name="s", team="t", kind="usual"),
    ]
    more = {"source": replace(API, teams=["t"]), "teams": [None, "t"], "week": 1, "gate": ONLY_NEW}
    by_report, by_file = (audited(*again, baseline=each, **more) for each in (first, committed(first)))
    assert states(by_file) == states(by_report) == {"a": "ongoing", "d": "new"}
    assert replace(by_file.comparison, baseline=by_report.comparison.baseline) == by_report.comparison
    facts = [
        [(each.fingerprint, each.became, each.severity) for each in (*report.resolved, *report.unsettled)]
        for report in (by_file, by_report)
    ]
    assert sorted(facts[0]) == sorted(facts[1])
    assert {each.resource.id for each in by_file.resolved} == {
        "b",
        f"#{fingerprint('open', credential('c').identity)[:12]}",
    }


def test_what_was_waived_is_in_no_baseline_file():
    assert gated(credential("a"), baseline=committed(audited(credential("a"), waivers=[WAIVER]))).exit_code == 1
