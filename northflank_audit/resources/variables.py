"""Classifies the values of variables, without keeping them.

The prefixes are those that issuers document for their tokens: GitHub, GitLab, AWS, Slack, Stripe, npm, PyPI,
Google, SendGrid, Docker Hub, Northflank.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

KINDS: Final = ("reference", "credential-url", "private-key", "token", "high-entropy", "plain", "empty")
"""All kinds, as rules see them."""

# Texts, since few audits read variables: `re` compiles them when it first needs them.
_REFERENCE: Final = r"\$\{[^}]*\}"
_CREDENTIAL_URL: Final = r"(?i)[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"
_PRIVATE_KEY: Final = r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
_ISSUED: Final = (
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}"
    r"|[sr]k_(?:live|test)_\w{16,}|npm_\w{30,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|dckr_pat_[\w-]{20,}|nf-[\w-]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*)"
)
_RANDOM: Final = r"[A-Za-z0-9+/=_-]{20,}"
_LEAST_ENTROPY: Final = 3.5
"""Bits per character: English words have about 2.5 to 3.3, random base64 of 20 characters about 4."""


def kind_of(value: Any) -> str:
    """Return the kind of a variable's value, one of `KINDS`."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if not text.strip():
        return "empty"
    if re.fullmatch(_REFERENCE, text.strip()):
        return "reference"
    for kind, pattern in (("private-key", _PRIVATE_KEY), ("credential-url", _CREDENTIAL_URL), ("token", _ISSUED)):
        if re.search(pattern, text):
            return kind
    return "high-entropy" if _is_random(text.strip()) else "plain"


def _is_random(text: str) -> bool:
    if not re.fullmatch(_RANDOM, text) or not (re.search(r"\d", text) and re.search(r"[A-Za-z]", text)):
        return False
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) >= _LEAST_ENTROPY


def named(variables: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the names of variables and the kinds of their values, sorted by name; never a value."""
    return [{"name": name, "kind": kind_of(variables[name])} for name in sorted(variables)]


def paths(files: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the paths of files, sorted; never their contents."""
    return [{"path": path} for path in sorted(files)]
