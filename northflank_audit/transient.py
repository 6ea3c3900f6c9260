"""HTTP statuses that are worth another attempt."""

from typing import Final

RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Time-outs, too early, too many requests, and the server's own errors (RFC 9110, 15; RFC 8470, 5.2; RFC 6585, 4)."""
