"""The mail's bodies: what they say, and that they are what mail clients show."""

import html.parser
import re

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.formats import mailbody
from northflank_audit.formats.subject import subject
from northflank_audit.model import ResourceName
from tests.formats.conftest import HOSTILE, result
from tests.validators import nu_messages

KEPT = "The whole report is attached: report-2026-11-24.html."

FULL = """\
VIOLATED: 1 violation on 1 of 3 registry credentials

WHAT CHANGED SINCE 2026-11-17 06:00 UTC
  1 new, 0 ongoing, 2 resolved, 2 unsettled
  With care: the earlier report was incomplete: what is new may have been
  there
  New:
    - a can be used by every project (high)
  Resolved:
    - Y (y): Restricted to projects (high, fixed)
    - Z (z): Restricted to projects (high, gone)
  Unsettled, not resolved: their state is unknown:
    - C (c): Restricted to projects (high, could not be evaluated)
    - Z (z): former (high, rule did not run)

VIOLATIONS BY SEVERITY
  0 critical, 1 high, 0 medium, 0 low, 0 info, besides 2 pass, 1 waived, 1
  unknown, 0 error, 1 not applicable

VIOLATIONS

  [high] Restricted to projects
  1 violation, 1 new
  What to do: Select the projects.
    - a can be used by every project (a)

COULD NOT BE EVALUATED
  Whether these comply is not known.
  - Restricted to projects (high). rule unrestricted is unknown for c: c could
    not be evaluated

TO BE LOOKED AT
  - something is odd
  - The waiver of provider for b of team payments expired on 2027-01-31
    (ops@example.com)
  - The waiver of provider for b matched no violation (ops@example.com)

HOW THIS WAS MEASURED
  2026-11-24 06:00 UTC, the token's own account. Source: Northflank API,
  https://api.northflank.com.
  3 registry credentials × 2 rules = 6 verdicts. 4 requests, 1 page (the API
  counted 3 resources), 2.5 s.
  Exit code 1: the audit is complete, and there are violations at or above the
  severity that fails an audit (--fail-on).

The whole report is attached: report-2026-11-24.html.
northflank-audit 1.0.0, run 0123456789abcdef
"""

INCOMPLETE = """\
INCOMPLETE: The audit could not see or evaluate everything; so far it found 1
violation on 1 of 3 registry credentials

What is missing:
  - page 2: 403 Forbidden
  - 1 verdict is unknown
What is listed below was found. The rest is unknown: it may comply or not.

VIOLATIONS BY SEVERITY
  0 critical, 1 high, 0 medium, 0 low, 0 info, besides 2 pass, 1 waived, 1
  unknown, 0 error, 1 not applicable

VIOLATIONS
"""

CLEAN = """\
PASSED: No violations on 3 registry credentials

VIOLATIONS BY SEVERITY
  0 critical, 0 high, 0 medium, 0 low, 0 info, besides 6 pass, 0 waived, 0
  unknown, 0 error, 0 not applicable

HOW THIS WAS MEASURED
"""


def plain(report):
    return mailbody.text(report, KEPT).replace("\u200b", "")


class _Words(html.parser.HTMLParser):
    """What a mail's HTML shows."""

    def __init__(self, page):
        super().__init__()
        self.words, self.hidden = [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.hidden = tag in ("style", "title")

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, text):
        if not self.hidden:
            self.words += text.replace("\u200b", "").split()


def shown(report):
    return " ".join(_Words(mailbody.html(report, KEPT)).words).replace(" ,", ",")


def test_the_text_is_this(full, incomplete, clean):
    assert plain(full) == FULL
    assert plain(incomplete).startswith(INCOMPLETE)
    assert plain(clean).startswith(CLEAN)


def test_with_a_history_it_leads_with_what_changed(aged, full):
    report = replace(aged, resolved=full.resolved, comparison=replace(full.comparison, new=2, ongoing=1, resolved=2))
    order = (
        "changed since.*1 new, 1 reopened, 1 ongoing, 2 resolved.*New.*young can be used.*Reopened, resolved before.*"
        "back can be used.*Resolved.*violations by severity.*open for 12 days"
    )
    assert "1 new, 1 reopened, 2 resolved" in subject(report)
    for said in (plain(report), shown(report)):
        assert re.search(order, said, re.DOTALL | re.IGNORECASE), said


def test_a_comparison_that_was_refused_is_said_so(full):
    refused = replace(full, comparison=replace(full.comparison, refused="it is of another account"))
    for said in (plain(refused), shown(refused)):
        assert "Not compared: it is of another account" in said
        assert "ongoing" not in said
        assert "esolved" not in said
    assert "Not compared" not in plain(replace(full, comparison=UNSET))


def test_the_html_says_what_the_text_says(full, incomplete, clean):
    for report in (full, incomplete, clean):
        words = shown(report).casefold()
        for line in plain(report).splitlines():
            for said in line.strip(" -").split(", "):
                piece = said.partition(" [")[0].casefold()
                if len(piece) > 12 and "(" not in piece and "besides" not in piece and "source:" not in piece:
                    assert all(word.strip("[]:.") in words for word in piece.split()), said


@pytest.fixture
def huge(full):
    """So many violations, with so long texts, that they don't fit."""
    rules = [
        replace(full.rules[1], id=f"r{n}", title="t" * 2000, remediation="do " * 3000, rationale="x" * 5000)
        for n in range(60)
    ]
    results = [
        result(f"r{n}", f"c{m}", message="m" * 3000, state="new" if m % 2 else "ongoing")
        for n in range(60)
        for m in range(50)
    ]
    run = replace(full.run, complete=False, incomplete_reasons=["why " * 2000] * 500)
    return replace(
        full, rules=rules, results=results, run=run, warnings=["w" * 3000] * 500, resolved=results, unsettled=results,
        summary=replace(full.summary, fail=3000, fail_by_severity={**full.summary.fail_by_severity, "high": 3000}),
    )  # fmt: skip


def test_no_mail_client_cuts_it_and_the_rest_is_counted(huge):
    assert len(mailbody.html(huge, KEPT).encode()) < 102_000
    for said in (plain(huge), shown(huge)):
        assert "And 2700 violations of 54 more rules, in the report." in said.replace("\n  ", " ")
        assert "50 violations, 25 new" in said
        assert "and 45 more" in said
        assert "and 495 more" in said


def test_new_violations_of_a_rule_come_first(full):
    results = [
        result(resource=name, message=name, state=state) for name, state in (("old", "ongoing"), ("fresh", "new"))
    ]
    said = plain(replace(full, results=results))
    assert said.index("- new: fresh (fresh)") < said.index("- old (old)")


def test_the_text_is_wrapped_and_printable(huge, hostile):
    for report in (huge, hostile):
        lines = plain(report).split("\n")
        assert max(map(len, lines)) <= 78
        assert all(line.isprintable() for line in lines)


class _Parts(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}


def test_nothing_in_the_html_runs_or_is_fetched(hostile):
    page = mailbody.html(hostile, HOSTILE)
    parts = _Parts(page)
    assert parts.tags <= {
        "html", "head", "meta", "title", "style", "body", "div", "table", "caption", "tr", "td", "th", "p", "h1", "h2",
        "h3", "ul", "li", "span", "strong", "code", "br", "em",
    }  # fmt: skip
    assert parts.attributes <= {"lang", "charset", "name", "content", "style", "class", "role", "scope"}
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("<style>") == 1


def test_what_others_wrote_makes_no_links(full):
    name = ResourceName(
        "registry-credential", "https://evil.example/a", "www.evil.example b@evil.example", "http://evil.example"
    )
    results = [replace(each, resource=name, message=f"{name.name} is open, see {name.id}") for each in full.results]
    run = replace(
        full.run, source=replace(full.run.source, teams=[name.team]), complete=False, incomplete_reasons=[name.id]
    )
    report = replace(full, results=results, resolved=results, unsettled=results, run=run, warnings=[name.id])
    for body in (mailbody.html(report, KEPT), mailbody.text(report, KEPT)):
        assert body.count("\u200bevil.example") > 10
        assert not re.search(r"(//|@|www\.)evil\.example", body)


def test_the_html_is_valid(report, full, incomplete, clean, hostile, with_account, huge, tmp_path):
    reports = {
        "report": report,
        "full": full,
        "incomplete": incomplete,
        "clean": clean,
        "hostile": hostile,
        "account": with_account,
        "huge": huge,
    }
    for name, each in reports.items():
        (tmp_path / f"{name}.html").write_text(mailbody.html(each, KEPT))
    files = sorted(tmp_path.glob("*.html"))
    assert nu_messages(files) == []
    assert len(files) == len(reports)


def test_a_long_text_ends_after_a_word_and_one_without_words_at_the_limit():
    assert mailbody.short("word " * 100) == "word " * 79 + "…"
    assert mailbody.short("w" * 500) == "w" * 399 + "…"
    assert mailbody.short("a " + "w" * 500) == "a " + "w" * 397 + "…"
    assert mailbody.short("word " * 80) == ("word " * 80).strip()
