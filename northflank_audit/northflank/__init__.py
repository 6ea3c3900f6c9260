"""The Northflank API: endpoints, pages, retry, and what of an answer is secret."""

from northflank_audit.northflank.client import Client, Token
from northflank_audit.northflank.records import listed, merged, without_secrets
from northflank_audit.northflank.paging import Account, Page, pages
from northflank_audit.northflank.retry import Deadline

__all__ = ["Account", "Client", "Deadline", "Page", "Token", "listed", "merged", "pages", "without_secrets"]
