"""The texts of rules are Markdown of a small kind, and rule packs may be hostile."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from northflank_audit.cli.summary import lines
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.ruletext import LONGEST, html, markdown, plain
from tests.unpacked import rendered

SMALL = "Set `restricted` to *true*, see [the docs](https://docs.example/a?b=c) or https://ours.example/."


def test_code_emphasis_and_links_are_rendered():
    assert html(SMALL) == (
        "Set <code>restricted</code> to <em>true</em>, see "
        '<a href="https://docs.example/a?b=c" rel="noopener noreferrer">the docs</a> or https://ours.example/.'
    )
    assert markdown(SMALL) == (
        "Set `restricted` to <em>true</em>, see [the docs](https://docs.example/a?b=c) or https://ours.example/."
    )
    assert plain(SMALL) == "Set restricted to true, see the docs (https://docs.example/a?b=c) or https://ours.example/."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b onclick=x>a</b>", "&lt;b onclick=x&gt;a&lt;/b&gt;"),
        ("[a](javascript:alert)", "[a](javascript:alert)"),
        ("[a](ftp://a.example)", "a"),
        ("[a](//a.example)", "a"),
        ("![seen](https://evil.example/i.png)", "seen"),
        ("- a", "- a"),
        ("# a", "# a"),
        ("a\n\n    b", "a     b"),
        ("`<i>`", "<code>&lt;i&gt;</code>"),
        ("\x1b[31m\u202e", "\ufffd[31m\ufffd"),
        ("*a* " * LONGEST, ("*a* " * LONGEST).strip()),
    ],
)
def test_nothing_else_is_markup(text, shown):
    assert html(text) == shown


def test_a_rule_mentions_nobody():
    assert markdown("ask @someone, see #12 and https://x.example@evil") == (
        "ask `@someone,` see `#12` and `https://x.example@evil`"
    )


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\\`*_[]()<>&#@!|~$-+=.:/ \n'\"1ahtps")))
def test_no_text_makes_other_markup(text):
    assert set(re.findall(r"<(/?\w+)", html(text))) <= {
        *("code", "/code", "em", "/em", "strong", "/strong", "a", "/a")
    }  # fmt: skip
    (_, inline, _) = MarkdownIt("commonmark").enable(["table"]).parse(f"x {markdown(text)} end")
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in inline.children}
    assert kinds <= {"text", "text_special", "code_inline", "link", "html_inline"}
    tags = {token.content for token in inline.children if token.type == "html_inline"}
    assert tags <= {"<em>", "</em>", "<strong>", "</strong>", "<code>", "</code>"}
    links = [token.attrs["href"] for token in inline.children if token.type == "link_open"]
    assert all(link.startswith(("http://", "https://")) for link in links)


@pytest.fixture
def marked(report):
    texts = {"title": "Set `restricted`", "rationale": SMALL, "remediation": SMALL}
    return replace(report, rules=[replace(rule, **texts) for rule in report.rules])


def test_people_read_it_rendered(marked):
    page = FORMATS["html"].render(marked)
    assert "<h3>Set <code>restricted</code></h3>" in page
    assert page.count("to <em>true</em>, see <a href") == 2
    assert "`" not in re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    text = FORMATS["md"].render(marked)
    assert "### High: Set `restricted`\n" in text
    assert f"**What to do:** {markdown(SMALL)}\n" in text
    mail = mailbody.html(marked, "kept")
    assert "Set <code>restricted</code></h3>" in mail
    assert "[the docs]" not in mail
    assert "`" not in mailbody.text(marked, "kept")
    assert "`" not in "\n".join(lines(marked, []))


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("html", "md", "json", "attestation")])
def test_elsewhere_it_is_plain(marked, name):
    assert "`" not in rendered(FORMATS[name], marked)
