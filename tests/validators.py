"""Other people's checkers, run on what this project writes."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import NET, needed, needed_package


def nu_messages(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return all that the Nu HTML checker has to say of these files, in one run: its start takes a second or two.

    It tells errors from warnings (`type` is `info`, `subType` is `warning`), and names the file in `url`.
    """
    command = [
        needed("java"),
        "-Xss8m",
        "-XX:TieredStopAtLevel=1",  # compiled less thoroughly, which so short a run never earns back
        "-XX:+UseSerialGC",
        "-jar",
        str(needed_package("vnu-jar/build/dist/vnu.jar")),
        "--stdout",
        "--exit-zero-always",
        "--format",
        "json",
    ]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=NET, check=True)
    messages: list[dict[str, Any]] = json.loads(done.stdout)["messages"]
    return messages
