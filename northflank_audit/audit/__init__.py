"""Runs an audit: evaluation order, report, comparison, compliance, delivery.

What a rule means, how an API answers and what a format looks like belong to the stages that are called from here.

`northflank_audit.audit` is this package, and also a function for other programs. Python binds a package to its name
whenever it is imported, so the package itself can be called.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from northflank_audit import AuditSettings, Report


class _CallablePackage(ModuleType):
    def __call__(self, settings: "AuditSettings") -> "Report":
        """Audit, and return the report: see `library.auditing.audit`."""
        report: Report = import_module("northflank_audit.library.auditing").audit(settings)
        return report


sys.modules[__name__].__class__ = _CallablePackage
