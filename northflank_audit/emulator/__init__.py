"""Serves the API over HTTP on loopback, with faults on request."""

from northflank_audit.emulator.accounts import EmulatedAccount, EmulatedAccounts, load
from northflank_audit.emulator.fault_plan import Fault, Plan, Request, load_plan
from northflank_audit.emulator.input_files import Mistakes
from northflank_audit.emulator.server import Emulator

__all__ = [
    "EmulatedAccount",
    "EmulatedAccounts",
    "Emulator",
    "Fault",
    "Mistakes",
    "Plan",
    "Request",
    "load",
    "load_plan",
]
