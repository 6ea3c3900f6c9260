"""The API over real HTTP on loopback, in both generations, for the demo and the tests."""

from northflank_audit.emulator.accounts import Account, Accounts, load
from northflank_audit.emulator.server import Emulator, Request

__all__ = ["Account", "Accounts", "Emulator", "Request", "load"]
