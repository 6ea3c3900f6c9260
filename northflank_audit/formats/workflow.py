"""Workflow commands: lines of output that GitHub Actions shows as annotations.

Source: GitHub's documentation, "Workflow commands for GitHub Actions".
"""

from northflank_audit.printable import printable


def command(name: str, text: str, **properties: str | int) -> str:
    """Return the command `name` (error, warning, notice) with what it says and where, on one line.

    Whatever is in `text` and the values of `properties`, no second command comes of it.
    """
    where = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name}{' ' * bool(where)}{where}::{_data(text)}"


def _data(value: str) -> str:
    return printable(value).replace("%", "%25")  # a line break would have to be escaped too: there is none


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
