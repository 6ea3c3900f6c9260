"""Words a trace: one line for each part."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from northflank_audit.policy.expressions.cel import Failed, Missing
from northflank_audit.policy.expressions.syntax import excerpt
from northflank_audit.policy.expressions.trace import NotNeeded, Step, Untraced
from northflank_audit.resources.personal import HIDDEN

_WIDTH: Final = 100
_MISSING_KEY: Final = re.compile(r'Key not found in map : "?(.*?)"?$', re.DOTALL)


def lines(step: Step, name: str = "", *, values: bool = True) -> Iterator[str]:
    """Yield a step and those below it, each a printable line, deeper ones indented; `name` stands for the whole.

    Without `values`, only numbers and booleans are shown.
    """
    words = _worded(step.outcome, whole=bool(name)) if values or _is_harmless(step.outcome) else f"= {HIDDEN}"
    yield f"{name or excerpt(step.text, _WIDTH)}  {words}"
    for below in step.steps:
        yield from (f"  {line}" for line in lines(below, values=values))


def _is_harmless(outcome: Any) -> bool:
    """Return whether the words for an outcome contain no data."""
    match outcome:
        case Missing(reason, variable=variable):
            return bool(variable) or not _MISSING_KEY.search(reason)  # the key may be a value
        case _:
            return isinstance(outcome, bool | int | float | None | NotNeeded | Untraced)


def _worded(outcome: Any, *, whole: bool) -> str:
    match outcome:
        case Missing(variable=variable) if variable:
            return f"= {'unknown' if whole else 'missing'}: `{variable}` is not known"
        case Missing(reason):
            reason = _MISSING_KEY.sub(r"`\1` is missing", reason)
            return f"= {'unknown' if whole else 'missing'}: {excerpt(reason, _WIDTH)}"
        case Failed(reason):
            return f"= {'error' if whole else 'failed'}: {excerpt(reason, _WIDTH)}"
        case NotNeeded():
            return "not needed"
        case Untraced(count):
            return f"… {count} more"
        case value:
            return f"= {excerpt(json.dumps(_ordered(value), ensure_ascii=False, default=_as_text), _WIDTH)}"


def _ordered(value: Any) -> Any:
    """Put keys into an order, so that the same input gives the same text."""
    match value:
        case list():
            return [_ordered(item) for item in value]
        case dict():
            return {key: _ordered(value[key]) for key in sorted(value, key=str)}
        case _:
            return value


def _as_text(value: Any) -> str:
    """Write what JSON has no form for as CEL's `string()` does, or nearly."""
    match value:
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dt.timedelta():
            return f"{value.total_seconds()}".removesuffix(".0") + "s"
        case bytes() | bytearray():
            return value.decode(errors="backslashreplace")
        case _:  # a type
            return str(value)
