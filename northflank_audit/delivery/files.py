"""Files, replaced whole or not at all."""

import os
import secrets
import shutil
from pathlib import Path

from northflank_audit.errors import DeliveryError


def write(path: str, text: str) -> None:
    """Write a file beside its place and move it there. Raises DeliveryError, and then the old file stands.

    Line ends are those of `text`, permissions those of the file that it replaces. A place that is no regular file,
    such as /dev/null or a pipe, is written to as it is.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_text(text, encoding="utf-8")
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            with temporary.open("x", encoding="utf-8", newline="") as file:
                if target.exists():
                    shutil.copymode(target, temporary)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DeliveryError(f"{path} could not be written ({error.strerror or error})") from None
