"""Renders texts of rules: code, emphasis and links only.

Rule packs may come from anyone. So nothing else becomes markup, links are only http and https, and an image is
replaced by its description. Most texts have only code and emphasis, in their plainest form, which a pattern finds;
markdown-it, whose import takes as long as Jinja's, reads all others.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import markupsafe
from markupsafe import Markup
from msgspec.structs import replace

from northflank_audit.formats import markdowntext
from northflank_audit.formats.link import address
from northflank_audit.printable import printable
from northflank_audit.report import Report

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST: Final = 2_000
"""Characters of a text that is rendered: a longer one shows as it was written."""
_ALNUM: Final = r"[^\W_]"
_LITERAL: Final = rf"[^\\`*_]|(?<={_ALNUM})_(?={_ALNUM})|\*(?=[^*]*\Z)"
"""A character that is no markup: also an underscore in a word, and a star that no other follows."""
_SPAN: Final = re.compile(
    rf"`(?P<code>[^`\s](?:[^`]*[^`\s])?)`(?!`)"
    rf"|(?P<mark>\*\*?)(?P<marked>{_ALNUM}(?:(?:{_LITERAL})*{_ALNUM})?)(?P=mark)(?!\*)"
    rf"|(?P<text>(?:{_LITERAL})+)"
)
_LINK: Final = "]("
"""What every link and image has."""


class _Span(NamedTuple):
    """A part of a text, as a token of markdown-it."""

    type: str
    content: str = ""
    attrs: Mapping[str, str | int | float] = {}


@lru_cache(1_000)
def html(text: str) -> Markup:
    """Return a text as HTML."""
    return _joined(_tokens(text), _html, lambda inner, url: f'<a href="{url}" rel="noopener noreferrer">{inner}</a>')


@lru_cache(1_000)
def markdown(text: str) -> Markup:
    """Return a text as Markdown with everything else escaped."""
    return _joined(_tokens(text), _markdown, lambda inner, url: f"[{inner}]({url})")


@lru_cache(1_000)
def plain(text: str) -> str:
    """Return a text without its markup; a link's address follows it."""
    joined = _joined(_tokens(text), _plain, lambda inner, url: inner if url in inner else f"{inner} ({url})")
    return str(joined)


def plainly(report: Report) -> Report:
    """Return a report with plain rule texts, for formats that programs read."""
    rules = [
        replace(rule, **{name: plain(getattr(rule, name)) for name in ("title", "finding", "rationale", "remediation")})
        for rule in report.rules
    ]
    unset = [replace(rule, title=plain(rule.title)) for rule in report.not_configured]
    return replace(report, rules=rules, not_configured=unset)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 - it has sixty modules, and few texts need it

    return MarkdownIt("zero").enable(["backticks", "emphasis", "escape", "image", "link"])


def _tokens(text: str) -> "Sequence[Token | _Span]":
    clean = printable(text).strip()
    if len(clean) > LONGEST:
        return [_Span("text", clean)]
    spans = _spans(clean)
    if spans is not None:
        return spans
    (inline,) = _parser().parseInline(clean)
    return inline.children or []


def _spans(text: str) -> list[_Span] | None:
    """Return the parts of a text, as markdown-it would; None for a text that is not of the plainest form."""
    if _LINK in text:
        return None
    spans: list[_Span] = []
    end = 0
    while end < len(text):
        match = _SPAN.match(text, end)
        if match is None:
            return None
        end = match.end()
        if match["mark"]:
            name = "em" if match["mark"] == "*" else "strong"
            spans += [_Span(f"{name}_open"), _Span("text", match["marked"]), _Span(f"{name}_close")]
        else:
            spans.append(_Span("code_inline", match["code"]) if match["code"] else _Span("text", match["text"]))
    return spans


def _joined(
    tokens: "Sequence[Token | _Span]", show: "Callable[[Token | _Span], str]", link: Callable[[str, str], str]
) -> Markup:
    """Render tokens; a link with an unsafe address is replaced by its text."""
    open_: list[tuple[str | None, list[str]]] = [(None, [])]
    for token in tokens:
        if token.type == "link_open":
            open_.append((address(str(token.attrs["href"])), []))
        elif token.type == "link_close":
            url, parts = open_.pop()
            inner = "".join(parts)
            open_[-1][1].append(link(inner, url) if url else inner)
        else:
            open_[-1][1].append(show(token))
    return Markup("".join(open_[0][1]))  # noqa: S704 - `show` has escaped it


def _html(token: "Token | _Span") -> str:
    if token.type == "code_inline":
        return f"<code>{markupsafe.escape(token.content)}</code>"
    if token.type in _MARKS:
        return _MARKS[token.type]
    return str(markupsafe.escape(token.content))


def _markdown(token: "Token | _Span") -> str:
    if token.type == "code_inline":
        return str(markdowntext.code(token.content))
    if token.type in _MARKS:
        return _MARKS[token.type]
    return str(markdowntext.ours(token.content))


def _plain(token: "Token | _Span") -> str:
    return token.content


_MARKS: Final = {"em_open": "<em>", "em_close": "</em>", "strong_open": "<strong>", "strong_close": "</strong>"}
"""Emphasis; as HTML even in Markdown, where asterisks depend on the characters around them."""
