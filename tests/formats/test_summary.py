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
        "  not resolved, could not be judged: unrestricted on c",
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
