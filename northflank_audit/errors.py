"""Errors, each kind with its exit code."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from northflank_audit.printable import printable


class AuditError(Exception):
    """An error whose text is meant for the user: what, where, and what to do next."""

    exit_code: ClassVar[int] = 3


class StartError(AuditError):
    """The audit could not start: nothing was fetched and no report was touched."""

    exit_code = 2


class FileError(StartError):
    """A mistake in a rule, waiver or config file, as `file:line:column: what is wrong`.

    `line` and `column` count from 1, in lines and characters. `excerpt` is the line with a caret below the column. A
    `warning` does not stop an audit; it points at something that is probably not meant.
    """

    def __init__(
        self, path: str, line: int, column: int, problem: str, *, excerpt: str = "", warning: bool = False
    ) -> None:
        path, problem = printable(path), printable(problem)  # both may hold what others wrote
        self.text = f"{path}:{line}:{column}: {problem}"
        super().__init__(f"{path}:{line}:{column}: warning: {problem}" if warning else self.text)
        self.path, self.line, self.column, self.problem = path, line, column, problem
        self.excerpt, self.warning = excerpt, warning

    @property
    def with_excerpt(self) -> str:
        """Return the mistake and its line."""
        return f"{self}\n{self.excerpt}" if self.excerpt else str(self)


class FileErrors(StartError):
    """Several mistakes, one per line."""

    def __init__(self, errors: Sequence[FileError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = list(errors)

    @property
    def with_excerpt(self) -> str:
        """Return the mistakes and their lines."""
        return "\n".join(error.with_excerpt for error in self.errors)


def in_order(diagnostics: Iterable[FileError]) -> list[FileError]:
    """Return diagnostics without duplicates, file by file, and by position within a file."""
    once = {str(diagnostic): diagnostic for diagnostic in diagnostics}
    files = {diagnostic.path: number for number, diagnostic in reversed(list(enumerate(once.values())))}
    return sorted(once.values(), key=lambda diagnostic: (files[diagnostic.path], diagnostic.line, diagnostic.column))


class FetchError(AuditError):
    """The API refused, failed or contradicted itself, so data is missing."""


class Refused(FetchError):
    """A final answer, which is not tried again: 400, 401, 403, 404, a redirect."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DeliveryError(AuditError):
    """A report could not be written or sent."""


class Stopped(BaseException):
    """A signal stops the process. Like KeyboardInterrupt, `except Exception` does not catch it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return ` (did you mean '…'?)` for the nearest of the words, or an empty text if none is near."""
    import difflib  # noqa: PLC0415 - only mistakes need it

    close = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean '{printable(close[0])}'?)" if close else ""
