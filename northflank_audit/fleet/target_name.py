"""What a target may be called: its name is also that of a folder."""

import re
from typing import Final

RESERVED: Final = ("fleet.html", "fleet.md", "fleet.json")
"""Names in the folder of the fleet's reports."""
WHAT: Final = (
    "a name has up to 100 letters, digits, '-', '_' and '.', does not start with '.', and is not " + ", ".join(RESERVED)
)
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


def is_target_name(name: str) -> bool:
    """Return whether a target may have this name."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED
