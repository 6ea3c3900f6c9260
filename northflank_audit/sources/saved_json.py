"""Reads JSON files of any size: records page by page, the rest whole.

A list of objects that only objects contain is cut into pages. Every page is decoded strictly, and so is the rest, in
which `{}` stands for each page. Both are cut at brackets, so they are valid exactly if the whole document is.
"""

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from northflank_audit import jsontext
from northflank_audit.spool import copied

PAGE: Final = 256 * 1024
"""Bytes of a page at most, unless a single record is larger."""
EMPTY: Final = object()
"""What an empty file has in place of a value."""
_CHUNK: Final = 1024 * 1024
_TRIES: Final = 16
"""Ends of a page that are tried before its brackets are counted."""
_LISTS: Final = frozenset({b"[", b"{[", b"{{[", b"{{{["})
"""The open brackets in front of a record: its list may be as deep as `data.data.externalAddons`."""
_SKIPPED: Final = re.compile(rb'(?:[^][{}"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""Text up to a bracket that is in no string, or up to the start of an unfinished string."""


class Changed(Exception):
    """The file is no longer what it was when it was read first."""


class _Page(NamedTuple):
    """Where several records of a list are in the file."""

    offset: int
    size: int
    items: int
    digest: bytes


class Records:
    """The items of a list, in pages, which are decoded when they are iterated."""

    def __init__(self, parts: Sequence[Any], file: BinaryIO | None = None) -> None:
        """`parts` are items, or pages of items in the file."""
        self._parts = parts
        self._file = file

    def __len__(self) -> int:
        """Return the number of items."""
        return sum(each.items if isinstance(each, _Page) else 1 for each in self._parts)

    def __iter__(self) -> Iterator[Any]:
        """Yield the items."""
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[Any]]:
        """Yield the items, some at a time. Raises Changed."""
        others: list[Any] = []
        for each in self._parts:
            if not isinstance(each, _Page):
                others.append(each)
                continue
            if others:
                yield others
                others = []
            yield self._read(each)
        if others:
            yield others

    def _read(self, page: _Page) -> list[Any]:
        assert self._file is not None  # noqa: S101 - only a file has pages
        self._file.seek(page.offset)
        text = self._file.read(page.size)
        if _digest(text) != page.digest:
            raise Changed
        records: list[Any] = msgspec.json.decode(b"[%b]" % text)
        return records


def read(file: BinaryIO, copies: ExitStack) -> Any:
    """Return the value of a JSON file, in which `Records` stand for long lists; EMPTY for a file of whitespace.

    Records are read from the file, or from a copy in `copies`, when they are iterated. Raises jsontext.InvalidJSON,
    and UnicodeDecodeError for text in another encoding than the file says.
    """
    file = _as_utf8(file, copies)
    try:
        return _Reader(file).value()
    except jsontext.InvalidJSON:
        file.seek(0)
        jsontext.check(file.read())  # says what is wrong first in the whole file, and where
        raise


def whole(value: Any) -> Any:
    """Return a value with `Records` as lists."""
    return list(value) if isinstance(value, Records) else value


class _Reader:
    """Cuts a document into pages and the rest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        self._text = b""
        self._start = 0
        """Where in the file the text is from."""
        self._at = 0
        """The position in the text."""
        self._rest = bytearray()
        self._pages: list[_Page] = []

    def value(self) -> Any:
        """Return the document's value. Raises jsontext.InvalidJSON."""
        opened = bytearray()
        while (distance := self._to_bracket(0)) is not None:
            self._keep(distance)
            bracket = self._text[self._at]
            if bracket == ord("{") and len(opened) < len("{{{[") + 1 and bytes(opened) in _LISTS and self._take_page():
                continue
            if bracket in b"{[":
                opened.append(bracket)
            elif opened:
                opened.pop()
            self._keep(1)
        self._keep(len(self._text) - self._at)
        if not self._rest.strip():
            return EMPTY
        return self._with_pages(jsontext.decode(bytes(self._rest)), iter(self._pages))

    def _with_pages(self, value: Any, pages: Iterator[_Page], depth: int = 0) -> Any:
        """Return the rest with its pages; in a list that has any, every `{}` is one."""
        if isinstance(value, dict) and depth < len("{{{"):
            return {key: self._with_pages(item, pages, depth + 1) for key, item in value.items()}
        if isinstance(value, list) and {} in value and self._pages:
            return Records([next(pages) if item == {} else item for item in value], self._file)
        return value

    def _keep(self, size: int) -> None:
        self._rest += self._text[self._at : self._at + size]
        self._at += size

    def _more(self) -> bool:
        """Read more of the file, and forget what is behind; return whether there was more."""
        rest = self._text[self._at :]
        chunk = self._file.read(max(_CHUNK, len(rest)))
        self._start += self._at
        self._text, self._at = rest + chunk, 0
        return bool(chunk)

    def _to_bracket(self, ahead: int) -> int | None:
        """Return the distance to the next bracket from `ahead` bytes on; None if there is none."""
        while True:
            skipped = _SKIPPED.match(self._text, self._at + ahead)
            end = skipped.end() if skipped else len(self._text)
            if end < len(self._text) and self._text[end] != ord('"'):
                return end - self._at
            if not self._more():
                return None

    def _take_page(self) -> bool:
        """Decode as many records as fit a page, at least one; return whether a record ends before the file does."""
        size = self._guessed_end() or self._counted_end()
        if not size:
            return False
        text = self._text[self._at : self._at + size]
        records = jsontext.decode(b"[%b]" % text)
        self._pages.append(_Page(self._start + self._at, size, len(records), _digest(text)))
        self._rest += b"{}"
        self._at += size
        return True

    def _guessed_end(self) -> int:
        """Return an end of a record that the decoder confirms; 0 if none was found by a few guesses.

        The last brace of the text is probably near: if what is before it makes a list, then it ends a record.
        """
        while len(self._text) - self._at < PAGE and self._more():
            pass
        text = self._text[self._at : self._at + PAGE]
        end = len(text)
        for _ in range(_TRIES):
            end = text.rfind(b"}", 0, end)
            if end < 0:
                break
            try:
                msgspec.json.decode(b"[%b]" % text[: end + 1], type=msgspec.Raw)  # checks, and builds nothing
            except (msgspec.MsgspecError, RecursionError):
                continue
            return end + 1
        return 0

    def _counted_end(self) -> int:
        """Return the last end of a record in a page, or that of the first record; 0 if it has none."""
        depth = ahead = end = 0
        while (distance := self._to_bracket(ahead)) is not None:
            depth += 1 if self._text[self._at + distance] in b"{[" else -1
            ahead = distance + 1
            if depth < 0 or (end and ahead > PAGE):
                break
            if depth == 0:
                end = ahead
        return end


def _as_utf8(file: BinaryIO, copies: ExitStack) -> BinaryIO:
    """Return a file of UTF-8 text without a byte order mark: the same, or a copy. Raises UnicodeDecodeError."""
    file.seek(0)
    encoding = json.detect_encoding(file.read(4))
    if encoding == "utf-8":
        return file
    file.seek(0)
    return copies.enter_context(copied(_recoded(file, codecs.getincrementaldecoder(encoding)())))


def _recoded(file: BinaryIO, decoder: codecs.IncrementalDecoder) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).digest()
