"""The parts of an earlier report.json that a new report is compared with."""

from typing import Any, Literal

import msgspec

from northflank_audit.model import Result, Struct
from northflank_audit.report import Run


class BaselineRule(Struct, frozen=True, kw_only=True):
    """A rule that ran in the earlier audit."""

    id: str
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    sha256: str = ""


class Baseline(Struct, frozen=True, kw_only=True):
    """The parts of an earlier report.json that are compared."""

    schema_version: Literal["1.0"]
    run: Run
    rules: list[BaselineRule]
    results: list[Result]
    resolved: list[Result] = msgspec.field(default_factory=list)
    unsettled: list[Result] = msgspec.field(default_factory=list)
