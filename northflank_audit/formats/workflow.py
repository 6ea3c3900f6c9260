"""Writes workflow commands, which GitHub Actions shows as annotations.

Source: GitHub's documentation, "Workflow commands for GitHub Actions".
"""

from northflank_audit.printable import printable


def command(name: str, text: str, **properties: str | int) -> str:
    """Return the command `name` (error, warning, notice) with its text and properties, on one line.

    Neither `text` nor a value of `properties` can start a second command.
    """
    where = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name}{' ' * bool(where)}{where}::{_data(text)}"


def _data(value: str) -> str:
    return printable(value).replace("%", "%25")  # line breaks would need escaping, too, but there are none


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
