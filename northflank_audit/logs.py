"""Logs diagnostics to standard error, as text or as JSON Lines."""

import datetime as dt
import json
import logging
import traceback
from contextlib import suppress
from typing import Final

from northflank_audit.printable import inert, printable
from northflank_audit.printing import NotPrinted, ReaderGone, say

LOGGER: Final = "northflank_audit"
CONTEXT: Final = ("team", "page", "attempt", "outcome", "exitCode", "violations", "unknown", "reasons")
"""Further fields of a record: of a request, its team's id (None: the token's own account) and numbers from 1; at the
end, the outcome of the run."""


class JsonLines(logging.Formatter):
    """A log record as one JSON object: time (UTC), level, run, message, and of `CONTEXT` what applies."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. JSON escapes control characters, so any message stays on one line."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        entry = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "run": self._run_id,
            "message": record.getMessage(),
            **{key: getattr(record, key) for key in CONTEXT if hasattr(record, key)},
        }
        return inert(json.dumps(entry), json=True)


class Lines(logging.Formatter):
    """A log record as one line: its level and message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, whatever the message contains."""
        return inert(f"{record.levelname} {printable(record.getMessage())}")


def to_stderr(run_id: str, *, verbose: bool, quiet: bool, as_json: bool) -> None:
    """Send the tool's records to standard error.

    As text, only problems are logged unless `verbose`. As JSON, the progress of the run is also logged unless `quiet`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(run_id) if as_json else Lines())
    if not (as_json or verbose):
        handler.addFilter(lambda record: not hasattr(record, "outcome"))  # the summary also says so
    log = logging.getLogger(LOGGER)
    log.addHandler(handler)
    usual = logging.INFO if as_json and not quiet else logging.WARNING
    log.setLevel(logging.DEBUG if verbose else usual)


def tell(message: str, level: int = logging.ERROR) -> None:
    """Log at this level how or why the run ends, if standard error is in JSON."""
    log = logging.getLogger(LOGGER)
    if any(isinstance(handler.formatter, JsonLines) for handler in log.handlers):
        log.log(level, "%s", message)
    else:
        with suppress(NotPrinted):  # nothing can be logged, but the exit code says so
            say(message, err=True)


def summarize(text: str, *, err: bool = False, color: bool | None = None) -> None:
    """Print the summary of a run. If that fails, the verdict and the reports still stand."""
    try:
        say(text, err=err, color=color)
    except ReaderGone:
        pass
    except NotPrinted as error:
        tell(f"northflank-audit: the summary is missing: {error}")


def trace(log: logging.Logger, error: BaseException, level: int = logging.DEBUG) -> None:
    """Log where an error occurred, but not its text, which may contain secrets."""
    log.log(level, "internal error in:")
    for line in "".join(traceback.format_tb(error.__traceback__)).splitlines():
        log.log(level, "%s", line)
