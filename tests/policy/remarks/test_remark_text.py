import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileErrors, StartError
from northflank_audit.policy.remarks import remark_text
from northflank_audit.policy.remarks.remark_files import WAIVERS, read
from northflank_audit.remarks import Waiver

NEW = Waiver(rule="r", resource="new", reason="why", owner="me", expires=dt.date(2027, 1, 31))
ONE = "rule: r\n    resource: old\n    reason: x\n    owner: y\n    expires: 2027-01-01"
LINES = "  - rule: r\n    resource: new\n    reason: why\n    owner: me\n    expires: 2027-01-31\n"


def added(text, path, waiver):
    """Return the text with one more waiver, and its line."""
    new, (line,) = remark_text.added(text, path, WAIVERS, [waiver])
    return new, line


def waivers(text):
    found, diagnostics = read(Document(text, "w.yaml", strict=False), WAIVERS)
    assert diagnostics == []
    return [waiver for _, waiver in found]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "waivers:\n" + LINES),
        ("# ours\n", "# ours\nwaivers:\n" + LINES),
        ("# ours", "# ours\nwaivers:\n" + LINES),
        ("waivers:\n", "waivers:\n" + LINES),
        ("waivers: # none yet\n# end\n", "waivers: # none yet\n" + LINES + "# end\n"),
        ("waivers:", "waivers:\n" + LINES),
        (f"waivers:\n  - {ONE}\n", f"waivers:\n  - {ONE}\n{LINES}"),
        (f"waivers:\n  - {ONE}", f"waivers:\n  - {ONE}\n{LINES}"),
        (f"waivers:\n  - {ONE} # c\n    # of it\n# end\n", f"waivers:\n  - {ONE} # c\n    # of it\n{LINES}# end\n"),
        (f"waivers:\n  - {ONE}\n\n...\n", f"waivers:\n  - {ONE}\n{LINES}\n...\n"),
        (f"---\nwaivers:\n  - {ONE}\n", f"---\nwaivers:\n  - {ONE}\n{LINES}"),
        (
            "waivers:\n- rule: r\n  resource: old\n  owner: y\n  expires: 2027-01-01\n  reason: |\n    a\n    b\n\n# end\n",
            (
                "waivers:\n- rule: r\n  resource: old\n  owner: y\n  expires: 2027-01-01\n  reason: |\n    a\n    b\n\n"
                "- rule: r\n  resource: new\n  reason: why\n  owner: me\n  expires: 2027-01-31\n# end\n"
            ),
        ),
        (
            "waivers: []\n",
            'waivers: [{rule: "r", resource: "new", reason: "why", owner: "me", expires: "2027-01-31"}]\n',
        ),
        (
            "waivers: [{rule: r, resource: o, reason: x, owner: y, expires: 2027-01-01}, ] # c\n",
            (
                "waivers: [{rule: r, resource: o, reason: x, owner: y, expires: 2027-01-01}, "
                '{rule: "r", resource: "new", reason: "why", owner: "me", expires: "2027-01-31"}, ] # c\n'
            ),
        ),
    ],
)
def test_a_waiver_is_put_behind_the_others_in_their_style(old, new):
    assert added(old, "w.yaml", NEW)[0] == new
    assert waivers(new)[-1] == NEW


def test_line_ends_and_byte_order_mark_stay():
    old = f"\ufeffwaivers:\n  - {ONE}\n".replace("\n", "\r\n")
    new, line = added(old, "w.yaml", NEW)
    assert new == old + LINES.replace("\n", "\r\n")
    assert line == 7


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("times", [1, 2])
def test_every_line_break_in_a_reason_comes_back(break_, times):
    waiver = replace(NEW, reason=f"a{break_ * times}b")
    new, _ = added("", "w.yaml", waiver)
    assert waivers(new) == [waiver]
    assert len(new.splitlines()) == 6


def test_the_line_is_that_of_the_new_one():
    new, line = added(f"# a\nwaivers:\n  - {ONE}\n# b\n", "w.yaml", replace(NEW, team="t"))
    assert new.splitlines()[line - 1] == "  - rule: r"
    assert "    team: t\n" in new


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]) | st.sampled_from(" \n:#'\"-[]{}&*!|>%@`\\,\t"), min_size=1
)
SPOKEN = TEXTS.map(str.strip).filter(bool)
COMMENTS = st.sampled_from(["", "# c\n", "  # c: d\n", "\n", "      # deep\n"])


@given(
    SPOKEN, SPOKEN, SPOKEN, st.none() | SPOKEN, COMMENTS, COMMENTS,
    st.sampled_from(["block", "flush", "flow", "empty", "null"]), st.sampled_from(["\n", "\r\n"]), st.booleans(),
)  # fmt: skip
def test_whatever_a_waiver_says_comes_back_and_nothing_is_lost(
    reason, owner, resource, team, before, after, style, end, closed
):
    waiver = replace(NEW, reason=reason, owner=owner, resource=resource, team=team)
    item = "rule: r\n{0}resource: old # why\n{0}reason: >-\n{0}  x\n\n{0}  y\n{0}owner: y\n{0}expires: 2027-01-01\n"
    body = {
        "block": "waivers:\n  - " + item.format("    ") + after,
        "flush": "waivers:\n- " + item.format("  ") + after,
        "flow": "waivers: [{rule: r, resource: old, reason: x, owner: y,\n  expires: 2027-01-01} # c\n  ]\n" + after,
        "empty": "waivers: [] # c\n" + after,
        "null": "waivers:\n" + after,
    }[style]
    old = (before + body).replace("\n", end)
    old = old if closed else old.rstrip("\r\n")
    new, _ = added(old, "w.yaml", waiver)
    assert waivers(new) == [*waivers(old if style != "null" else "waivers: []"), waiver]
    start = next(index for index in range(len(old) + 1) if index == len(old) or new[index] != old[index])
    rest = len(old) - start
    assert new[:start] + new[len(new) - rest :] == old


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ("waivers:\n  - {rule: r}\n", "w.yaml:2:5: the key 'resource' is missing"),
        ("waiver: []\n", "w.yaml:1:1: unknown key 'waiver' (did you mean 'waivers'?)"),
        ("- a\n", "w.yaml:1:1: a waiver file needs a list under the key 'waivers'"),
        ("waivers: [\n", "w.yaml:1:11: not valid YAML"),
        ("waivers: null\n", "w.yaml: a waiver can't be added to a file of this form; add it yourself:"),
    ],
)
def test_a_file_with_a_mistake_is_not_touched(old, expected):
    with pytest.raises(StartError) as caught:
        added(old, "w.yaml", NEW)
    assert str(caught.value).startswith(expected)
    assert isinstance(caught.value, FileErrors) or LINES in str(caught.value)


def test_letters_stay_readable_in_a_reason_of_several_lines():
    text, _ = added("", "w.yaml", replace(NEW, reason="Für 北京\nbis Mai"))
    assert r'reason: "Für 北京\nbis Mai"' in text
