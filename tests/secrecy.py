"""What must never be written or asked: planted secrets, in whatever encoding, and endpoints that exist to show them."""

import base64
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from northflank_audit.emulator.fault_plan import Request
from northflank_audit.resources import TYPES
from tests.unpacked import unpacked

MARK = "not-a-real-"
"""How every secret of the sample account begins."""


def planted(value: Any) -> set[str]:
    """Return the secrets in what an account file or an answer holds."""
    return set(re.findall(rf"{MARK}\w+-\d+", json.dumps(value)))


def _spellings(text: str) -> str:
    """Return a pattern for a text of which each character may be escaped as in URLs, JSON, HTML or mail."""
    return "".join(
        f"(?:{re.escape(each)}|%{ord(each):02x}|\\\\u{ord(each):04x}|\\\\x{ord(each):02x}|&#0*{ord(each)};|&#x0*{ord(each):x};|={ord(each):02x})"
        for each in text
    )


def _base64(text: str) -> list[str]:
    """Return what base64 makes of a text at each of the three places where it may begin, as far as that is certain."""
    shifted = [base64.b64encode(b"\0" * shift + text.encode()).decode() for shift in range(3)]
    return [each[(0, 2, 3)[shift] : -4] for shift, each in enumerate(shifted)]


_PATTERNS = {
    "plain or escaped": re.compile(_spellings(MARK).encode(), re.IGNORECASE),
    "UTF-16": re.compile(re.escape(MARK.encode("utf-16-le"))),
    "base64": re.compile("|".join(map(re.escape, _base64(MARK))).encode()),
    "hex": re.compile(r"[\s:,-]?".join(f"{byte:02x}" for byte in MARK.encode()).encode(), re.IGNORECASE),
}


def leaks(content: bytes) -> list[str]:
    """Return where a content holds a planted secret: the encoding, and what is around it."""
    joined = re.sub(rb"=?\r?\n", b"", content)  # lines of base64 and quoted-printable are broken anywhere
    return [
        f"{encoding}: …{text[max(0, found.start() - 60) : found.end() + 60]!r}…"
        for text in (content, joined)
        for encoding, pattern in _PATTERNS.items()
        for found in pattern.finditer(text)
    ]


def assert_no_leak(folder: Path, **streams: str) -> int:
    """Scan each file below a folder, by name and content, and these texts. Return how many bytes were scanned."""
    contents = {name: text.encode() for name, text in streams.items()}
    for path in sorted(folder.rglob("*")):
        contents[str(path.relative_to(folder))] = unpacked(path.read_bytes()) if path.is_file() else b""
    found = {name: [*leaks(name.encode()), *leaks(content)] for name, content in contents.items()}
    assert not any(found.values()), {name: each[:3] for name, each in found.items() if each}
    return sum(map(len, contents.values()))


NEVER = {
    path: re.compile(r"/v1(?:/teams/[^/]+)?" + re.sub(r"\{\w+\}", "[^/]+", path))
    for kind in TYPES.values()
    for path in kind.never
}


def assert_never_asked(requests: Iterable[Request]) -> None:
    """Assert that no endpoint was asked that a resource type forbids."""
    asked = {path: [each.path for each in requests if pattern.fullmatch(each.path)] for path, pattern in NEVER.items()}
    assert not any(asked.values()), {path: paths for path, paths in asked.items() if paths}
