"""Renders texts of rules: code, emphasis and links only.

Rule packs may come from anyone. So nothing else becomes markup, links are only http and https, and an image is
replaced by its description.
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
_MARKUP: Final = re.compile(r"[\\`*_!\[\]]")
"""Characters without which a text has no markup."""


class _Text(NamedTuple):
    """A text without markup, as a token."""

    content: str
    type: str = "text"
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
    from markdown_it import MarkdownIt  # noqa: PLC0415 - it has sixty modules, and most texts have no markup

    return MarkdownIt("zero").enable(["backticks", "emphasis", "escape", "image", "link"])


def _tokens(text: str) -> "Sequence[Token | _Text]":
    clean = printable(text).strip()
    if len(clean) > LONGEST or _MARKUP.search(clean) is None:
        return [_Text(clean)]
    (inline,) = _parser().parseInline(clean)
    return inline.children or []


def _joined(
    tokens: "Sequence[Token | _Text]", show: "Callable[[Token | _Text], str]", link: Callable[[str, str], str]
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


def _html(token: "Token | _Text") -> str:
    if token.type == "code_inline":
        return f"<code>{markupsafe.escape(token.content)}</code>"
    if token.type in _MARKS:
        return _MARKS[token.type]
    return str(markupsafe.escape(token.content))


def _markdown(token: "Token | _Text") -> str:
    if token.type == "code_inline":
        return str(markdowntext.code(token.content))
    if token.type in _MARKS:
        return _MARKS[token.type]
    return str(markdowntext.ours(token.content))


def _plain(token: "Token | _Text") -> str:
    return token.content


_MARKS: Final = {"em_open": "<em>", "em_close": "</em>", "strong_open": "<strong>", "strong_close": "</strong>"}
"""Emphasis; as HTML even in Markdown, where asterisks depend on the characters around them."""
