"""A compliance audit of a Northflank account: `docs/library.md` describes what programs may use of it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from northflank_audit.errors import AuditError, StartError
    from northflank_audit.library.audit_settings import AuditSettings
    from northflank_audit.library.auditing import audit, read_report
    from northflank_audit.model import Result, Severity, Status
    from northflank_audit.report import Report

__version__ = "0.1.0"

__all__ = [
    "AuditError",
    "AuditSettings",
    "Report",
    "Result",
    "Severity",
    "StartError",
    "Status",
    "__version__",
    "audit",
    "read_report",
]

_MODULES = {
    "AuditError": "errors",
    "AuditSettings": "library.audit_settings",
    "Report": "report",
    "Result": "model",
    "Severity": "model",
    "StartError": "errors",
    "Status": "model",
    "read_report": "library.auditing",
}
"""Where the public names are. They are imported when they are first used, so that the package itself costs nothing."""


def __getattr__(name: str) -> Any:
    if name == "audit":  # this package can be called
        return import_module(f"{__name__}.audit")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
