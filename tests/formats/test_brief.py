import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from northflank_audit.formats.brief import MOST, brief
from northflank_audit.model import ResourceName, Severity
from northflank_audit.printable import printable
from tests.formats.conftest import HOSTILE, crowd, poisoned, result

LIMIT = 1024 * 1024
"""Bytes that GitHub takes as a step's summary; of a longer one it shows nothing."""


def tokens(text):
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def rows(text):
    kinds = [token.type for token in tokens(text)]
    return kinds.count("tr_open") - kinds.count("thead_open")


def test_the_whole_of_it(full):
    assert (
        brief(full)
        == """\
## VIOLATED: 1 violation on 1 of 3 registry credentials

| Critical | High | Medium | Low | Info | Waived | Unknown | In error | Passed | Not applicable |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| 0 | 1 | 0 | 0 | 0 | 1 | 1 | 0 | 2 | 1 |

Since the report of 2026-11-17 06:00 UTC (run `fedcba9876543210`, incomplete): **1 new, 0 ongoing, 2 resolved, 2 unsettled**

- the earlier report was incomplete: what is new may have been there

| Severity | Registry credential | What was found | Rule |
| --- | --- | --- | --- |
| High | A `a` | **new** a can be used by every project | Restricted to projects `unrestricted` |

Northflank audit of 2026-11-24 06:00 UTC. Source: Northflank API. Account: the token's own account. 3 registry credentials × 2 rules = 6 verdicts. Run `0123456789abcdef`, northflank-audit 1.0.0.
"""
    )


def test_an_incomplete_audit_says_so_first_and_what_is_missing(incomplete):
    assert brief(incomplete).startswith("""\
## INCOMPLETE: The audit could not see or evaluate everything; so far it found 1 violation on 1 of 3 registry credentials

**What is missing:**

- page 2: 403 Forbidden
- 1 verdict is unknown

What is listed below was found. The rest is unknown: it may comply or not.

| Critical |""")


def test_a_clean_audit_has_no_table_of_violations(clean):
    assert brief(clean).startswith("## PASSED: No violations on 3 registry credentials\n")
    assert rows(brief(clean)) == 1


@pytest.mark.parametrize("count", [MOST, 10_000, 100_000])
def test_the_worst_are_named_and_the_rest_is_counted(report, count):
    text = brief(crowd(report, count))
    assert f"## VIOLATED: {count} violations on {count} of {count} registry credentials\n" in text
    assert rows(text) == 1 + MOST
    assert (f"… and {count - MOST} more, in report.json" in text) == (count > MOST)


def test_hostile_text_makes_nothing(hostile):
    found = list(tokens(brief(hostile)))
    made = {token.type.removesuffix("_open").removesuffix("_close") for token in found}
    assert made <= {
        *("heading", "paragraph", "inline", "text", "text_special", "strong", "code_inline", "html_inline"),
        *("softbreak", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td"),
    }
    assert {token.content for token in found if token.type == "html_inline"} <= {"<code>", "</code>"}
    assert printable(brief(hostile).replace("\n", "")) == brief(hostile).replace("\n", "")


@pytest.mark.parametrize("text", [HOSTILE * 1_000, "@" * 100_000, "`|" * 50_000, "\U0001f600" * 100_000])
def test_no_text_however_long_makes_it_longer_than_github_takes(full, text):
    long = ResourceName("registry-credential", text, text + "2", text)
    lots = replace(full, results=[replace(result(message=text), resource=long)] * 200)
    spoiled = poisoned(lots, text)
    spoiled = replace(
        spoiled,
        run=replace(spoiled.run, incomplete_reasons=[text] * 200),
        comparison=replace(spoiled.comparison, cautions=[text] * 200),
    )
    size = len(brief(spoiled).encode())
    assert size < LIMIT / 2  # another step's summary may stand in the same file
    assert "180 more" in brief(spoiled)


def test_one_rule_with_many_violations_drowns_no_other(report):
    many = [result(resource=f"c{number:02}") for number in range(41)]
    text = brief(replace(report, results=[*many, result("provider", "z", severity=Severity.LOW)]))
    assert "| High | 22 more | | Restricted to projects `unrestricted` |\n| Low | " in text
    assert "… and 22 more, in report.json" in text
