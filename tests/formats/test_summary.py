"""The terminal's summary of a report that was compared with an earlier one."""

import click
from msgspec.structs import replace

from northflank_audit.cli.summary import lines, worth_telling


def test_what_changed_is_told_below_the_verdict_and_never_called_resolved_without_reason(full):
    text = click.unstyle("\n".join(lines(full, [])))
    assert text.splitlines()[1:8] == [
        "  since 2026-11-17 06:00 UTC: 1 new, 0 ongoing, 2 resolved, 2 unsettled",
        "  caution: the earlier report was incomplete: what is new may have been there",
        "  resolved, fixed: unrestricted on y",
        "  resolved, gone: unrestricted on z",
        "  not resolved, could not be evaluated: unrestricted on c",
        "  not resolved, rule did not run: former on z",
        "",
    ]
    assert "- new  a: a can be used by every project" in text


def test_what_was_not_compared_is_said(full):
    comparison = replace(full.comparison, refused="the earlier report is of the sample account")
    text = click.unstyle("\n".join(lines(replace(full, comparison=comparison), [])))
    assert "  not compared: the earlier report is of the sample account" in text
    assert "new," not in text


def test_a_quiet_run_is_told_of_where_something_can_not_be_told(clean, full):
    nothing = replace(full.comparison, new=0, resolved=3, unsettled=0)
    assert not worth_telling(clean)
    assert not worth_telling(replace(clean, comparison=nothing))
    assert worth_telling(replace(clean, comparison=replace(nothing, unsettled=1)))
    assert worth_telling(replace(clean, comparison=replace(nothing, refused="another account")))


def test_a_quiet_run_is_told_of_a_waiver_that_expired(clean, full):
    assert worth_telling(replace(clean, waivers=full.waivers))


def test_the_first_line_says_how_bad_it_is_how_much_was_seen_and_who_may_not_know(full, incomplete):
    def first(report, **run):
        text = next(lines(replace(report, run=replace(report.run, **run)), []))
        return click.unstyle(text)

    assert first(full).startswith("VIOLATED  1 violation: 1 high (1 waived)")
    assert first(incomplete).startswith("INCOMPLETE  1 violation: 1 high (1 waived) in what could be seen")
    undelivered = {"complete": False, "incomplete_reasons": ["x"], "undelivered": ["x"]}
    assert first(full, **undelivered).endswith("1 high (1 waived), but not everything could be delivered")


def test_nothing_judged_is_said_though_not_everything_was_delivered(full):
    summary = replace(full.summary, passed=0, fail=0, waived=0, fail_by_severity={}, unknown=3)
    run = replace(full.run, complete=False, incomplete_reasons=["x"], undelivered=["x"])
    (line,) = click.unstyle(next(lines(replace(full, summary=summary, run=run), []))).splitlines()
    assert line.startswith("INCOMPLETE  nothing could be evaluated on ")
    assert line.endswith(", but not everything could be delivered")


def test_what_is_unsettled_of_one_rule_drowns_nothing(full):
    old = [replace(full.unsettled_results[0], rule_id="r" if n else "s") for n in range(41)]
    text = click.unstyle("\n".join(lines(replace(full, unsettled=old), ["a.html"])))
    assert text.count("  not resolved, could not be evaluated: r on") == 3
    assert "  … and 37 more of r\n" in text
