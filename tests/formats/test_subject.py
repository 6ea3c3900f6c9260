import pytest
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.formats.subject import subject
from northflank_audit.report import Origin
from tests.formats.conftest import HOSTILE


@pytest.fixture
def said(report, full):
    """The subject of a report with these facts."""

    def subject_of(fail=(), compared=None, complete=True, source=None, **summary):
        failed = {**dict.fromkeys(report.summary.fail_by_severity, 0), **dict(fail)}
        counts = replace(
            report.summary,
            **{"unknown": 0, "error": 0, "waived": 0, **summary},
            fail=sum(failed.values()),
            fail_by_severity=failed,
        )
        changed = UNSET
        if compared is not None:
            none = dict.fromkeys(("new", "ongoing", "resolved", "unsettled"), 0)
            changed = replace(full.comparison, **{**none, **compared})
        run = replace(report.run, complete=complete, source=source or Origin(kind="api", url="https://a.example"))
        return subject(replace(report, summary=counts, comparison=changed, run=run))

    return subject_of


def api(*teams):
    return Origin(kind="api", teams=list(teams))


def saved(*files):
    return Origin(kind="input", files=list(files))


CASES = {
    "[AUDIT] 3 violations, 1 new, 2 high — team payments": {"fail": {"high": 2, "low": 1}, "compared": {"new": 1, "ongoing": 2}, "source": api("payments")},
    "[AUDIT] 1 violation, 1 critical — the token's own account": {"fail": {"critical": 1}},
    "[AUDIT] 2 violations, none new, 2 medium — the token's own account": {"fail": {"medium": 2}, "compared": {"ongoing": 2}},
    "[AUDIT] 2 violations, 1 new, 3 resolved, 2 unsettled, 1 high — teams a, b": {"fail": {"high": 1, "info": 1}, "compared": {"new": 1, "resolved": 3, "unsettled": 2}, "source": api("a", "b")},
    "[AUDIT] 2 violations, 2 low — the token's own account": {"fail": {"low": 2}, "compared": {"refused": "another account", "new": 2}},
    "[AUDIT] No violations — the token's own account": {},
    "[AUDIT] No violations, 2 resolved — sample account": {"compared": {"resolved": 2}, "source": Origin(kind="demo", url="http://127.0.0.1:1")},
    "[AUDIT] No violations, 1 unsettled, 1 unknown — the token's own account": {"compared": {"unsettled": 1}, "unknown": 1},
    "[AUDIT] No violations, 3 unknown, 2 waived — the token's own account": {"unknown": 2, "error": 1, "waived": 2},
    "[AUDIT] 1 violation, 1 low — 4 teams": {"fail": {"low": 1}, "waived": 1, "source": api("a", "b", "c", "d")},
    "[AUDIT] INCOMPLETE: no violations found so far — the token's own account": {"complete": False},
    "[AUDIT] INCOMPLETE: 2 violations found so far, 1 new, 1 high, 1 unknown — file june.json": {"complete": False, "fail": {"high": 1, "low": 1}, "compared": {"new": 1}, "unknown": 1, "source": saved("/tmp/saved/june.json")},
    "[AUDIT] No violations — 4 files": {"source": saved("a", "b", "c", "d")},
    "[AUDIT] No violations — files a.json, standard input": {"source": saved("a.json", "standard input")},
    f"[AUDIT] No violations — team {'x' * 24}": {"source": api("x" * 24)},
    f"[AUDIT] No violations — team {'x' * 23}…": {"source": api("x" * 500)},
}  # fmt: skip


@pytest.mark.parametrize(("expected", "facts"), CASES.items(), ids=CASES)
def test_the_subject_says_it_all(expected, facts, said):
    assert said(**facts) == expected


def test_no_name_ends_the_subject_or_makes_it_long(said):
    line = said(fail={"high": 1}, source=api("a\r\nBcc: b@example.com", "\x00\u2028\u202e\ud800\x85", HOSTILE))
    assert line.isprintable()
    assert (
        line
        == "[AUDIT] 1 violation, 1 high — teams a Bcc: b@example.com, \ufffd\ufffd\ufffd\ufffd\ufffd, <script>alert(1)</scrip…"
    )
    most = said(
        fail={"critical": 99999, "high": 1},
        complete=False,
        unknown=99999,
        compared={"new": 99999, "resolved": 99999, "unsettled": 99999},
        source=api(*["x" * 99] * 3),
    )
    assert len(most) < 220
