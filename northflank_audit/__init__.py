"""A compliance audit of a Northflank account."""

__version__ = "0.1.0"
