"""Says what an input file is: a snapshot, or an answer of a type's list."""

import hashlib
import io
from contextlib import ExitStack
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec

from northflank_audit import jsontext
from northflank_audit.errors import StartError
from northflank_audit.model import LIST, RESOURCE_TYPE
from northflank_audit.northflank.paging import disagreement, maps_with
from northflank_audit.resources import TYPES, ResourceType, Scope
from northflank_audit.sources import earlier_snapshot, saved_json, snapshot
from northflank_audit.sources.saved_json import EMPTY, Records
from northflank_audit.sources.snapshot import KIND, DecodedSnapshot

_DEFAULT: Final = TYPES[RESOURCE_TYPE]
"""The type of an input's list if the input does not say."""
_FORMS: Final = (
    f"expects a snapshot of this tool, a response of '{_DEFAULT.part(LIST).title}', or what '{_DEFAULT.command}' prints"
)


class InputFile(NamedTuple):
    """A file to audit."""

    name: str
    content: bytes | BinaryIO
    """The file, open, or what is in it."""
    type: str | None = None
    """The type whose list it contains; None for a snapshot or a list of registries."""
    project: str | None = None

    def close(self) -> None:
        """Close the file."""
        if not isinstance(self.content, bytes):
            self.content.close()


class ListAnswer(NamedTuple):
    """A decoded answer of a list."""

    name: str
    kind: ResourceType
    project: str | None
    items: Records
    pagination: Any
    """Its pagination; None if it has none."""
    disagreement: str
    """What a second pagination, beside the list, says against that; empty if nothing."""


def decoded(given: InputFile, copies: ExitStack) -> tuple[DecodedSnapshot | ListAnswer, str]:
    """Check a file; return what it is, and its SHA-256. Its records are read from it, or from a copy in `copies`.

    Raises StartError for anything else than an input.
    """
    file = io.BytesIO(given.content) if isinstance(given.content, bytes) else given.content
    value = _value(given.name, file, copies)
    file.seek(0)
    digest = hashlib.file_digest(cast("Any", file), "sha256")  # its type lacks `readinto`
    return _form(given, value), digest.hexdigest()


def _form(given: InputFile, value: Any) -> DecodedSnapshot | ListAnswer:
    if not isinstance(value, dict) or value.get("kind") != KIND:
        return _answer(given, TYPES[given.type] if given.type else _DEFAULT, value)
    if given.type is not None:
        raise StartError(f"{given.name}: a snapshot names its types; omit {given.type}=")
    try:
        return earlier_snapshot.read(value) if value.get("schemaVersion") == "1.0" else snapshot.read(value)
    except (msgspec.ValidationError, RecursionError) as error:
        raise StartError(f"{given.name}: not a whole snapshot ({error})") from None


def _value(name: str, file: BinaryIO, copies: ExitStack) -> Any:
    """Return the value of a JSON file. Raises StartError for anything else."""
    try:
        value = saved_json.read(file, copies)
    except UnicodeDecodeError as error:
        raise StartError(f"{name}: not JSON ({error})") from None
    except jsontext.DuplicateKey as error:
        raise StartError(f"{name}: it contradicts itself: {error}") from None
    except jsontext.InvalidJSON as error:
        raise StartError(f"{name}: {error}") from None
    except OSError as error:
        raise StartError(f"{name}: can't be read ({error.strerror})") from None
    if value is EMPTY:
        raise StartError(f"{name}: empty; did the command that should write it fail?")
    return value


def _answer(file: InputFile, kind: ResourceType, value: Any) -> ListAnswer:
    """Return an answer of a type's list. Raises StartError for anything else."""
    part = kind.part(LIST)
    forms = _FORMS if file.type is None else f"expects an answer of the list of {kind.plural}"
    whole = value if isinstance(value, dict) else {"data": value}
    by_api, by_cli = maps_with(whole.get("data"), part.keys), maps_with(whole, part.keys)
    extra = [each for each in by_cli if by_api or ("data" in whole and not each.startswith("data."))]
    (key, beside), *others = (
        by_api or {each: by_cli[each] for each in by_cli if each not in extra} or {"": {}}
    ).items()
    items = beside.get(key.rpartition(".")[2]) if part.keys else whole.get("data", whole)
    if kind.scope is Scope.TOKEN and isinstance(items, dict):
        items = [items]
    if isinstance(items, list):
        items = Records(items)
    if not isinstance(items, Records):
        raise StartError(f"{file.name}: {forms}")
    if whole.get("error") is not None:
        raise StartError(f"{file.name}: an error answer of the API: {forms}")
    if extra:
        raise StartError(f"{file.name}: it contradicts itself: it has both 'data' and '{extra[0]}'")
    if others:
        raise StartError(f"{file.name}: it contradicts itself: it has both '{key}' and '{others[0][0]}'")
    pagination = whole.get("pagination")
    printed = "pagination" not in whole and (by_cli or whole is not value or "data" not in whole)
    if printed or (pagination is None and not part.paged):
        pagination = {"hasNextPage": False}  # the CLI's output, which has all pages
    inner = beside.get("pagination") if "." in key else None
    wrong = (
        disagreement(inner, len(items), pagination if isinstance(pagination, dict) else {}) if inner is not None else ""
    )
    return ListAnswer(file.name, kind, file.project, items, pagination, wrong)
