"""Compliance audits of Northflank accounts; docs/library.md describes the public API."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from northflank_audit.errors import AuditError, StartError
    from northflank_audit.fleet.fleet_report import FleetReport
    from northflank_audit.library.audit_settings import AuditSettings
    from northflank_audit.library.auditing import audit, read_report
    from northflank_audit.library.fleets import audit_fleet
    from northflank_audit.model import Result, Severity, Status
    from northflank_audit.report import Report

__version__ = "0.1.0"

__all__ = [
    "AuditError",
    "AuditSettings",
    "FleetReport",
    "Report",
    "Result",
    "Severity",
    "StartError",
    "Status",
    "__version__",
    "audit",
    "audit_fleet",
    "read_report",
]

_MODULES = {
    "AuditError": "errors",
    "AuditSettings": "library.audit_settings",
    "FleetReport": "fleet.fleet_report",
    "Report": "report",
    "Result": "model",
    "Severity": "model",
    "StartError": "errors",
    "Status": "model",
    "audit_fleet": "library.fleets",
    "read_report": "library.auditing",
}
"""The modules of the public names, which are imported when first used, so that importing the package is cheap."""


def __getattr__(name: str) -> Any:
    if name == "audit":  # this package can be called
        return import_module(f"{__name__}.audit")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
