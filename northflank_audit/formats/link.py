"""Checks web addresses of rules before they become links."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

from northflank_audit.printable import printable

_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST: Final = re.compile(r"[a-z0-9.-]+")
_URL_SAFE: Final = "/:?#@!$&*+,;=%~"


def address(reference: str) -> str | None:
    """Return a reference as a web address that is safe to link to; None if it is not one."""
    page, mark, part = quote(_PERCENT.sub("%25", printable(reference.strip())), safe=_URL_SAFE).partition("#")
    url = page + mark + part.replace("#", "%23")
    parts = urlsplit(url)
    return url if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") else None
