from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from northflank_audit.audit.compliance import frameworks
from northflank_audit.formats import FORMATS
from northflank_audit.formats.markdown import LEAST, LONGEST, MOST, code, escape, shortened
from northflank_audit.model import Status
from northflank_audit.printable import printable
from tests.formats.conftest import crowd, poisoned, result

WORDS = st.text(st.characters(codec="utf-8") | st.sampled_from("\\`*_[]()<>&#@!|~$-+=.:/ \n'\"1aw"))
OURS = {
    *("heading", "paragraph", "inline", "text", "text_special", "strong", "code_inline", "link", "softbreak"),
    *("bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "html_inline"),
}
"""Every kind of token that the template makes."""
INLINE = {"<br>", "<code>", "</code>", "<em>", "</em>", "<strong>", "</strong>"}


def parsed(text):
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def tokens(text):
    for token in parsed(text):
        yield token
        yield from token.children or ()


def kind(token):
    return token.type.removesuffix("_open").removesuffix("_close")


def shown(text):
    """Return text as a reader sees it: without invisible blanks, and with one blank for several."""
    return " ".join(text.replace("\u200b", "").split(" ")).strip()


@given(WORDS)
@example("- a")
@example("1. a")
@example("    a")
@example("a *b* [c](d) <e@f.g> &lt; &#35;")
@example("\\|")
def test_escaped_text_shows_as_it_is(text):
    written = str(escape(f"x{text}"))
    (_, inline, _) = parsed(f"{escape(text)} end")
    assert {kind(token) for token in inline.children} <= {"text", "text_special", "code_inline"}
    (_, inline, _) = parsed(written)
    assert shown("".join(token.content for token in inline.children)) == shown(
        printable(f"x{text}".replace("\u200b", ""))
    )


@given(WORDS)
@example("\\|")
@example("`` ` ``")
def test_code_and_text_stay_in_their_cell(text):
    table = list(tokens(f"| a | b | c |\n| --- | --- | --- |\n| {escape(text)} | {code('x' + text)} | end |\n"))
    assert [kind(token) for token in table].count("td") == 6
    cells = [token for token in table if token.type == "inline"][3:]
    assert len(cells) == 3
    assert {kind(each) for each in cells[0].children} <= {"text", "text_special", "code_inline"}
    assert {each.content for each in cells[1].children if each.type == "html_inline"} <= {"<code>", "</code>"}
    plain = "".join(each.content for each in cells[1].children if each.type != "html_inline")
    assert shown(plain) == shown(printable(f"x{text}".replace("\u200b", "")))
    assert cells[2].content == "end"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain, with - . ( ) ! and 100%", "plain, with - . ( ) ! and 100%"),
        ("mail a@b.example", "mail `a@b.example`"),
        ("@all see #12, !3", "`@all` see `#12,` `!3`"),
        ("at https://a.example", "at `https://a.example`"),
        ("www.a.example", "`www.a.example`"),
        ("see group/project!3 and a|@b`c", "see `group/project!3` and `a`&#124;`@b`&#96;`c`"),
        ("<b> & |", "&lt;b&gt; &amp; &#124;"),
        ("[a](b) `c` _d_", "\\[a\\](b) \\`c\\` \\_d\\_"),
    ],
)
def test_what_a_site_would_act_on_is_taken_apart(text, written):
    assert escape(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [("a_b: @x", "`a_b: @x`"), ("a`b", "<code>a\\`b</code>"), ("a|b", "<code>a&#124;b</code>"), ("", "<code></code>")],
)
def test_code(text, written):
    assert code(text) == written


def test_hostile_text_makes_nothing(hostile):
    text = FORMATS["md"].render(hostile)
    found = list(tokens(text))
    assert {kind(token) for token in found} <= OURS
    assert {token.content for token in found if token.type == "html_inline"} <= INLINE
    links = {token.attrs["href"] for token in found if token.type == "link_open"}
    assert {link.split("/")[2] for link in links} == {"evil.example", "good.example"}
    assert not any(link.startswith("https://evil.example/i") for link in links)
    assert printable(text.replace("\n", "")) == text.replace("\n", "")


def test_hostile_text_leaves_the_tables_whole(hostile):
    found = parsed(FORMATS["md"].render(hostile))
    kinds = [kind(token) for token in found if token.type.endswith("_open")]
    assert kinds.count("table") == 11
    rows = " ".join(kinds).split("tr ")[1:]
    cells = [row.split().count("td") for row in rows if "td" in row.split()]
    assert cells == [2] * 5 + [3] * 9 + [4] * 2 + [10] * 2 + [3]


def test_the_headings(full, clean):
    def headings(report):
        found = parsed(FORMATS["md"].render(report))
        return [each.content for before, each in pairwise(found) if before.type == "heading_open"]

    assert headings(full) == [
        "VIOLATED: 1 violation on 1 of 3 registry credentials",
        "What changed",
        "Resolved",
        "Unsettled: not resolved",
        "Violations",
        "High: Restricted to projects",
        "Could not be evaluated",
        "Waived",
        "To be looked at",
        "Passed or not applicable",
        "Compliance",
        "SOC 2: 0 of 3 covered controls met, 1 waived, 2 not met",
        "own: 0 of 1 covered control met, 1 not met",
        "All rules",
        "How this was measured",
    ]
    assert headings(clean) == [
        "PASSED: No violations on 3 registry credentials",
        "Violations",
        "Compliance",
        "SOC 2: 3 of 3 covered controls met",
        "own: 1 of 1 covered control met",
        "All rules",
        "How this was measured",
    ]


def test_an_incomplete_report_says_so_first(incomplete):
    assert (
        FORMATS["md"]
        .render(incomplete)
        .startswith(
            """\
# INCOMPLETE: The audit could not see or evaluate everything; so far it found 1 violation on 1 of 3 registry credentials

**What is missing:**

- page 2: 403 Forbidden
- 1 verdict is unknown

What is listed below was found. The rest is unknown: it may comply or not.

Northflank audit"""
        )
    )


def test_what_was_not_all_seen_has_no_control_that_is_met_and_says_why(clean):
    text = FORMATS["md"].render(replace(clean, compliance=frameworks(clean.rules, seen=False)))
    assert "**This audit did not see everything, so no control is known to be met.**" in text
    assert "**met**" not in text
    assert "did not see everything" not in FORMATS["md"].render(clean)


def test_what_changed_comes_before_all_else_and_says_what_became_of_each(full):
    text = FORMATS["md"].render(full)
    start = text.index("## What changed")
    assert (
        text[start : text.index("## Violations")]
        == """\
## What changed

Since the report of 2026-11-17 06:00 UTC (run `fedcba9876543210`, incomplete): **1 new, 0 ongoing, 2 resolved, 2 unsettled**

- the earlier report was incomplete: what is new may have been there

### Resolved

| Registry credential | What was found | Evidence |
| --- | --- | --- |
| Y `y` | High: Restricted to projects<br>**fixed**, was: y can be used by every project | `restrictions.restricted = false` |
| Z `z` | High: Restricted to projects<br>**gone**, was: z can be used by every project | `restrictions.restricted = false` |

### Unsettled: not resolved

The current state of these violations of the earlier report is unknown: they may still exist.

| Registry credential | What was found | Evidence |
| --- | --- | --- |
| C `c` | High: Restricted to projects<br>**could not be evaluated**, was: c can be used by every project | `restrictions.restricted = false` |
| Z `z` | High: former<br>**rule did not run**, was: z can be used by every project | `restrictions.restricted = false` |

"""
    )


def test_where_nothing_was_compared_it_says_why_and_counts_nothing(full):
    refused = replace(full.comparison, refused="it is about another source", cautions=[], new=0, resolved=0)
    text = FORMATS["md"].render(replace(full, comparison=refused, resolved=[], unsettled=[]))
    start = text.index("## What changed")
    assert (
        text[start : text.index("## Violations")]
        == """\
## What changed

Nothing was compared with the report of 2026-11-17 06:00 UTC (run `fedcba9876543210`): it is about another source

"""
    )


def test_without_an_earlier_report_nothing_is_said_of_changes(report):
    assert "What changed" not in FORMATS["md"].render(report)


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_a_big_report_fits_into_a_ticket_and_counts_what_it_does_not_name(report, count):
    text = FORMATS["md"].render(crowd(report, count))
    assert len(text) <= LONGEST
    rows = (
        sum(kind(token) == "td" for token in parsed(text[text.index("### High:") : text.index("## Compliance")])) // 6
    )
    assert LEAST < rows <= MOST
    assert f"`unrestricted`, {count} violations\n" in text
    assert f"\n\n… and {count - rows} more, in report.json\n" in text


def test_a_small_report_names_everything(report):
    text = FORMATS["md"].render(crowd(report, 200))
    assert text.count("can be used by every project") == 200
    assert "in report.json" not in text


def test_every_table_and_list_is_cut_alike_and_still_names_some(full):
    lots = [result(resource=f"r{number}", message="x" * 500) for number in range(50)]
    inconclusive = [replace(each, status=Status.UNKNOWN, message=each.resource.id) for each in lots]
    text = FORMATS["md"].render(
        replace(
            full,
            run=replace(full.run, complete=False, incomplete_reasons=[f"page {n}" for n in range(50)]),
            results=lots + inconclusive + [replace(each, waiver=full.waivers.unused[0]) for each in lots],
            resolved=[replace(each, became="fixed") for each in lots],
            unsettled=[replace(each, became="unseen") for each in lots],
            warnings=[f"odd {number}" for number in range(50)],
            waivers=replace(full.waivers, unused=full.waivers.unused * 50, expired=full.waivers.expired * 50),
        )
    )
    assert len(text) <= LONGEST
    (most,) = {50 - int(line.split()[-4]) for line in text.splitlines() if line.endswith(" more, in report.json")}
    assert text.count(" more, in report.json") == 9
    assert most >= LEAST
    assert text.count("- page ") == text.count("- odd ") == text.count("**fixed**, was: ") == most


def test_one_text_however_long_takes_little_of_the_room(report):
    text = FORMATS["md"].render(crowd(report, 50, message="x" * 50_000))
    assert len(text) <= LONGEST
    assert text.count("x" * 500) >= LEAST


@pytest.mark.parametrize("text", ["x" * 9_000, "@|`" * 3_000, "\U0001f600" * 5_000])
def test_no_account_and_no_rule_makes_it_longer_than_a_comment(full, text):
    rules = [replace(full.rules[1], id=f"{text}{n}", references=[text] * 99, overridden={}) for n in range(40)]
    lots = [result(rule.id, text, message=text, state="new") for rule in rules for _ in range(3)]
    made = poisoned(replace(full, rules=rules, results=lots), text)
    made = replace(
        made,
        run=replace(made.run, incomplete_reasons=[text] * 99, source=replace(made.run.source, files=[text] * 999)),
        warnings=[text] * 999,
        excluded_rules=dict.fromkeys(map(str, range(9999)), text),
    )
    shown = FORMATS["md"].render(made)
    assert len(shown.encode("utf-16-le")) // 2 <= LONGEST
    assert shown.startswith("# INCOMPLETE: ")
    assert "more, in report.json" in shown


def test_of_many_rules_those_with_new_violations_and_the_worst_are_shown_and_the_rest_is_counted(report):
    why = "A sentence that says why this rule is there and what it is good for. " * 3
    rules = [replace(report.rules[1], id=f"rule-{n:03}", rationale=why, remediation=why) for n in range(120)]
    results = [
        result(rule.id, f"r{n:02}", state="new" if (rule.id, n) == ("rule-119", 39) else "ongoing")
        for rule in rules
        for n in range(40)
    ]
    text = FORMATS["md"].render(replace(report, rules=rules, results=results))
    assert LONGEST // 4 < len(text) <= LONGEST
    first = text[text.index("### High: ") :]
    assert first.index("`rule-119`") < first.index("**new** r39 can be") < first.index("`rule-000`")
    sections = text.count("### High: ")
    left = (120 - sections) * 40
    assert f"… and {left} violations of {120 - sections} more rules, in report.json" in text
    assert all(f"`rule-{n:03}`" in text for n in range(120)), "the rest is named"


def test_evidence_is_not_longer_than_a_reader_takes(report):
    long = result(evidence={"projects": ["p" * 20] * 100})
    assert "`projects = [" + '"pppppppppppppppppppp",' * 12 in FORMATS["md"].render(replace(report, results=[long]))
    assert len(FORMATS["md"].render(replace(report, results=[long]))) < len(FORMATS["md"].render(report)) + 300
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "ab…")


def test_the_whole_of_it(report):
    assert (
        FORMATS["md"].render(report)
        == """\
# VIOLATED: 1 violation on 1 of 3 registry credentials

Northflank audit of 2026-11-24 06:00 UTC. Source: Northflank API, `https://api.northflank.com`. Account: the token's own account.

| Severity | Violations |
| --- | ---: |
| critical | 0 |
| high | 1 |
| medium | 0 |
| low | 0 |
| info | 0 |

Besides: 1 waived, 1 unknown, 0 in error, 2 passed, 1 not applicable.

## Violations

### High: Restricted to projects

`unrestricted`, 1 violation

**Why it matters:** One project reaches every image.

**What to do:** Select the projects.

**Controls:** SOC 2 CC6.1, CC6.3; own 1

**See also:** <https://example.com/docs>, <https://example.com/more>

| Registry credential | What was found | Evidence |
| --- | --- | --- |
| A `a` | a can be used by every project | `restrictions.restricted = false` |

## Could not be evaluated

Whether these registry credentials comply is not known.

- High: Restricted to projects `unrestricted` is unknown for c: c could not be evaluated

## Waived

| Registry credential | What was found | Evidence |
| --- | --- | --- |
| B `b` | Low: Provider is allowed<br>**waived** b uses quay – Migrated in Q1, accepted by `ops@example.com` until 2027-01-31 | `restrictions.restricted = false` |

## Compliance

A control is covered if a rule that ran supports it. Met means that these rules found nothing against it, not that the organisation is certified or that nothing else is required. If something could not be evaluated and nothing is violated, it is not known; what is waived is accepted, which is not the same as met.

### SOC 2: 0 of 3 covered controls met, 1 waived, 2 not met

| Control | Verdict | Rules under it | Their verdicts |
| --- | --- | --- | --- |
| CC6.1 | **not met** | `unrestricted` | 1 pass, 1 fail, 1 unknown |
| CC6.3 | **not met** | `provider`, `unrestricted` | 2 pass, 1 fail, 1 waived, 1 unknown, 1 not applicable |
| CC9.2 | **waived** | `provider` | 1 pass, 1 waived, 1 not applicable |

### own: 0 of 1 covered control met, 1 not met

| Control | Verdict | Rules under it | Their verdicts |
| --- | --- | --- | --- |
| 1 | **not met** | `unrestricted` | 1 pass, 1 fail, 1 unknown |

## All rules

| Rule | Severity | Pass | Fail | Waived | Unknown | Error | Not applicable | Parameters | Defined at |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
| Restricted to projects `unrestricted` | high | 1 | 1 | 0 | 1 | 0 | 0 |  | rules.yaml:3 |
| Provider is allowed `provider` | low | 1 | 0 | 1 | 0 | 0 | 1 | `severity = low` set at audit.yaml:3<br>`allowed = ["github"]` set at audit.yaml:4<br>`strict = true` | rules.yaml:12 |

| Rule file | SHA-256 | Rules that ran |
| --- | --- | ---: |
| rules.yaml | `abababababababababababababababababababababababababababababababab` | 2 |

## How this was measured

- 3 registry credentials × 2 rules = 6 verdicts: 2 pass + 1 fail + 1 waived + 1 unknown + 0 error + 1 not applicable = 6
- 4 requests (1 retry), 1 page (the API counted 3 resources), 2 details read, 2.5 s
- Exit code 1: the audit is complete, and there are violations at or above the severity that fails an audit (--fail-on).
- northflank-audit 1.0.0, run `0123456789abcdef`
"""
    )


@pytest.mark.parametrize(
    ("text", "shown"), [("- a", "\\- a"), ("+1", "\\+1"), ("1. a", "1\\. a"), ("12) a", "12\\) a"), ("1.5", "1.5")]
)
def test_what_would_begin_a_block_is_kept_and_begins_none(text, shown):
    assert escape(text) == shown


def test_a_ticket_takes_as_many_characters_as_github_does():
    assert LONGEST == 65_536
