from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from northflank_audit.formats import FORMATS
from northflank_audit.formats.markdown import code, escape
from northflank_audit.printable import printable

WORDS = st.text(st.characters(codec="utf-8") | st.sampled_from("\\`*_[]()<>&#@!|~$-+=.:/ \n'\"1aw"))
OURS = {
    *("heading", "paragraph", "inline", "text", "text_special", "strong", "code_inline", "link", "softbreak"),
    *("bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "html_inline"),
}
"""Every kind of token that the template makes."""


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
    assert {kind(token) for token in inline.children} <= {"text", "text_special"}
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
    assert {kind(each) for each in cells[0].children} <= {"text", "text_special"}
    assert {each.content for each in cells[1].children if each.type == "html_inline"} <= {"<code>", "</code>"}
    plain = "".join(each.content for each in cells[1].children if each.type != "html_inline")
    assert shown(plain) == shown(printable(f"x{text}".replace("\u200b", "")))
    assert cells[2].content == "end"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain, with - . ( ) ! and 100%", "plain, with - . ( ) ! and 100%"),
        ("a@b.example", "a&#64;&#8203;b.example"),
        ("@all see #12, !3", "&#64;&#8203;all see &#35;&#8203;12, !&#8203;3"),
        ("https://a.example", "https&#58;&#8203;//a.example"),
        ("www.a.example", "www&#8203;.a.example"),
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
    assert {token.content for token in found if token.type == "html_inline"} <= {"<br>", "<code>", "</code>"}
    links = {token.attrs["href"] for token in found if token.type == "link_open"}
    assert {link.split("/")[2] for link in links} == {"evil.example", "good.example"}
    assert not any(link.startswith("https://evil.example/i") for link in links)
    assert printable(text.replace("\n", "")) == text.replace("\n", "")


def test_hostile_text_leaves_the_tables_whole(hostile):
    found = parsed(FORMATS["md"].render(hostile))
    kinds = [kind(token) for token in found if token.type.endswith("_open")]
    assert kinds.count("table") == 6
    rows = " ".join(kinds).split("tr ")[1:]
    cells = [row.split().count("td") for row in rows if "td" in row.split()]
    assert cells == [2] * 5 + [4] * 5


def test_the_headings(full, clean):
    def headings(report):
        found = parsed(FORMATS["md"].render(report))
        return [each.content for before, each in pairwise(found) if before.type == "heading_open"]

    assert headings(full) == [
        "VIOLATED: 1 violation on 1 of 3 registry credentials",
        "Violations",
        "High: Restricted to projects",
        "Could not be judged",
        "Waived",
        "Resolved since the earlier report",
        "To be looked at",
        "Passed or not applicable",
        "How this was measured",
    ]
    assert headings(clean) == [
        "PASSED: No violations on 3 registry credentials",
        "Violations",
        "How this was measured",
    ]


def test_an_incomplete_report_says_so_first(incomplete):
    assert (
        FORMATS["md"]
        .render(incomplete)
        .startswith(
            """\
# INCOMPLETE: The audit could not see or judge everything; so far it found 1 violation on 1 of 3 registry credentials

**What is missing:**

- page 2: 403 Forbidden
- 1 verdict is unknown

What is listed below was found. Of the rest nothing can be said: it may be sound or not.

Northflank registry credential audit"""
        )
    )


def test_the_whole_of_it(report):
    assert (
        FORMATS["md"].render(report)
        == """\
# VIOLATED: 1 violation on 1 of 3 registry credentials

Northflank registry credential audit of 2026-11-24 06:00 UTC. Source: Northflank API, https&#58;&#8203;//api.northflank.com. Account: the token's own.

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

| Credential | What was found | Evidence |
| --- | --- | --- |
| A `a` | a can be used by every project | `restrictions.restricted = false` |

## Could not be judged

Whether these credentials comply is not known.

| Credential | What was found | Evidence |
| --- | --- | --- |
| C `c` | High: Restricted to projects<br>**unknown** c could not be judged |  |

## Waived

| Credential | What was found | Evidence |
| --- | --- | --- |
| B `b` | Low: Provider is allowed<br>**waived** b uses quay – Migrated in Q1, accepted by ops&#64;&#8203;example.com until 2027-01-31 | `restrictions.restricted = false` |

## How this was measured

- 3 credentials × 2 rules = 6 verdicts: 2 pass + 1 fail + 1 waived + 1 unknown + 0 error + 1 not applicable = 6
- 4 requests (1 retry), 1 page of 3 credentials by their own count, 2 details read, 2.5 s
- Exit code 1: the audit is complete, and there are violations at or above the severity that fails an audit (--fail-on).
- northflank-audit 1.0.0, run `0123456789abcdef`
"""
    )
