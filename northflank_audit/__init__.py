"""A compliance audit of the container registry credentials saved to a Northflank account."""

__version__ = "0.1.0"
