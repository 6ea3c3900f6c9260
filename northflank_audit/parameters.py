"""Parameters of rules that nobody has set."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_EMPTY: Final[tuple[Any, ...]] = ("", [], {})
"""What such a parameter holds; 0 and false are values."""


def unset(requires: Sequence[str], params: Mapping[str, Any]) -> list[str]:
    """Return the required parameters that are empty: while there is one, the rule is not configured."""
    return [name for name in requires if params.get(name) in _EMPTY]


def to_set(names: Sequence[str]) -> str:
    """Return what to do about them: `set params.allowed`."""
    return f"set {' and '.join(f'params.{name}' for name in names)}"
