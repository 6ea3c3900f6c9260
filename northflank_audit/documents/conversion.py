"""Converts plain values to typed ones, and reports every mistake."""

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from northflank_audit import typed
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError, did_you_mean

T = TypeVar("T")

_PLACE: Final = re.compile(r" - at `\$[^`]*`$")
_WORDS: Final = {
    "object": "a map",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "date": "a date",
    "datetime": "a date-time",
}
_TYPE: Final = re.compile(r"`(\w+(?: \| \w+)*)`")
_TIMES: Final = {
    "Invalid RFC3339 encoded date": "not a date such as 2027-01-31",
    "Invalid RFC3339 encoded datetime": "not a date-time such as 2027-01-31T08:00:00Z",
}


def converted(document: Document, path: Path, kind: type[T]) -> tuple[T | None, list[FileError]]:
    """Return the value under `path` as the type, such as a struct, and no mistakes; or None and every mistake."""
    try:
        return typed.convert(document.at(path), kind), []
    except msgspec.ValidationError:
        return None, list(_diagnostics(document, path, kind))


def sound_parts(document: Document, path: Path, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the valid fields of the map under `path`, by the names of the struct's fields."""
    value = document.at(path)
    if not isinstance(value, dict):
        return {}
    sound = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            with suppress(msgspec.ValidationError):
                sound[field.name] = typed.convert(value[field.encode_name], field.type)
    return sound


def _diagnostics(document: Document, path: Path, kind: Any) -> Iterator[FileError]:
    value = document.at(path)
    try:
        typed.convert(value, kind)
    except msgspec.ValidationError as error:
        inner = list(_inner(document, path, value, kind))
        is_reported = any(refused[: len(path)] == path for refused in document.refused)
        yield from inner or ([] if is_reported else [document.error(path, _in_words(str(error), value, kind))])


def _inner(document: Document, path: Path, value: Any, kind: Any) -> Iterator[FileError]:
    """Yield the mistakes in the parts of a value."""
    kind = _bare(kind, value)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in value:
            if key in fields:
                yield from _diagnostics(document, (*path, key), fields[key].type)
            else:
                yield document.unknown_key((*path, key), fields)
        for name, field in fields.items():
            if field.required and name not in value:
                yield document.error(path, f"the key '{name}' is missing")
    elif get_origin(kind) is list and isinstance(value, list):
        for index in range(len(value)):
            yield from _diagnostics(document, (*path, index), get_args(kind)[0])
    elif get_origin(kind) is dict and isinstance(value, dict):
        for key in value:
            yield from _diagnostics(document, (*path, key), get_args(kind)[1])


def _bare(kind: Any, value: Any) -> Any:
    """Return the type without annotations; of a union, the member that fits the value best."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        kinds = [_bare(each, value) for each in get_args(kind) if each is not NoneType]
        maps = [
            each for each in kinds if get_origin(each) is dict or (isinstance(each, type) and each not in (str, bool))
        ]
        return maps[0] if len(kinds) > 1 and isinstance(value, dict) and maps else kinds[0]
    return kind


def _in_words(message: str, value: Any, kind: Any) -> str:
    """Return msgspec's message in words for people."""
    message = _PLACE.sub("", message)
    if message in _TIMES:
        return _TIMES[message]
    described = [part.description for part in get_args(kind) if isinstance(part, Meta) and part.description]
    if "matching regex" in message and described:
        return f"'{value}' is not {described[0]}"
    choices = _choices(_bare(kind, value))
    if choices and isinstance(value, str | int | float) and value not in choices:
        return f"'{value}' is not one of {', '.join(choices)}{did_you_mean(str(value), choices)}"
    if message.endswith("of length >= 1"):
        return "this must not be empty"
    if message.startswith("Expected `str`") and isinstance(value, str | int | float):
        message += ": it must be quoted"
    message = _TYPE.sub(lambda found: " or ".join(_WORDS.get(each, each) for each in found[1].split(" | ")), message)
    return message[:1].lower() + message[1:]


def _choices(kind: Any) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(each.value) for each in kind]
    return [str(each) for each in get_args(kind)] if get_origin(kind) is Literal else []
