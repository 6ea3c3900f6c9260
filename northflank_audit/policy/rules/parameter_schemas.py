"""Reads the schemas of described parameters, and validates values."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta
from msgspec.structs import replace

from northflank_audit.addresses import parsed
from northflank_audit.documents.conversion import converted
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError
from northflank_audit.parameters import ParameterSchema, Type, ValueSchema
from northflank_audit.policy.expressions.cel import pattern_problem

_TYPES: Final[Mapping[type, Type]] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""The type for a default's Python type if the schema names none."""
_KINDS: Final = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict[str, Any],
}
_APPLY: Final = {
    "minimum": ("integer", "number"),
    "maximum": ("integer", "number"),
    "pattern": ("string",),
    "format": ("string",),
    "enum": ("string", "integer"),
    "items": ("array",),
}
"""The types that each keyword is for."""
_NO_HOST: Final = re.compile(r"[\s/\\?#@]|:(?![^\[]*\])")
"""Characters that no host contains; a colon only within the brackets of an IPv6 address."""


def is_described(value: Any) -> bool:
    """Return whether a rule file describes a parameter, instead of only giving its default."""
    return isinstance(value, dict) and "default" in value


def defaults(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters' defaults, described or not."""
    return {name: value["default"] if is_described(value) else value for name, value in params.items()}


def read(
    document: Document, here: Path, params: Mapping[str, Any]
) -> tuple[dict[str, ParameterSchema], list[FileError]]:
    """Return the schemas of the parameters under `here`, and every mistake in them and their defaults."""
    schemas, found = {}, []
    for name, value in params.items():
        if not is_described(value):
            continue
        schema, diagnostics = converted(document, (*here, name), ParameterSchema)
        if schema is not None:
            schema = replace(schema, type=schema.type or _TYPES.get(type(schema.default)))
            schemas[name] = schema
            diagnostics = list(_inconsistencies(document, (*here, name), schema))
        if schema is not None and not diagnostics:
            places = [(*here, name, "default"), *((*here, name, "examples", n) for n in range(len(schema.examples)))]
            diagnostics = [each for place in places for each in mistakes(document, place, schema)]
        found += diagnostics
    return schemas, found


def _inconsistencies(document: Document, here: Path, schema: ParameterSchema) -> Iterator[FileError]:
    """Yield the keywords that are not for a schema's type, and the patterns that do not compile."""
    for place, each in ((here, schema), ((*here, "items"), schema.items)):
        if each is None:
            continue
        for keyword, types in _APPLY.items():
            if getattr(each, keyword, None) is not None and each.type not in (*types, None):
                problem = f"'{keyword}' applies to {' or '.join(types)}, not to {each.type}"
                yield document.error((*place, keyword), problem, key=True)
        if each.enum == []:
            yield document.error((*place, "enum"), "'enum' is empty")
        try:
            re.compile(each.pattern or "")
        except re.error as error:
            yield document.error((*place, "pattern"), f"not a regular expression: {error}")


def mistakes(document: Document, here: Path, schema: ParameterSchema) -> Iterator[FileError]:
    """Yield why the value under `here` does not fit a schema, one mistake for each part that does not."""
    _, diagnostics = converted(document, here, _kind(schema))
    yield from diagnostics
    if diagnostics:
        return
    value = document.at(here)
    if value != "":  # an empty value counts as not set
        yield from _unformatted(document, here, value, schema.format)
    if schema.items is not None:
        for number, item in enumerate(value):
            yield from _unformatted(document, (*here, number), item, schema.items.format)


def _kind(schema: ValueSchema) -> Any:
    """Return a schema as a type that msgspec checks."""
    if schema.enum is not None:
        return Literal[tuple(schema.enum)]
    if isinstance(schema, ParameterSchema) and schema.items is not None:
        return list[_kind(schema.items)]  # type: ignore[misc]
    kind = _KINDS.get(schema.type or _implied(schema), Any)
    if schema.pattern is not None:
        return Annotated[kind, Meta(pattern=schema.pattern, description=schema.description or None)]
    if schema.minimum is not None or schema.maximum is not None:
        return Annotated[kind, Meta(ge=schema.minimum, le=schema.maximum)]
    return kind


def _implied(schema: ValueSchema) -> str:
    """Return the type that a schema's keywords imply if it names none."""
    if schema.pattern is not None or schema.format is not None:
        return "string"
    return "number" if schema.minimum is not None or schema.maximum is not None else ""


def _unformatted(document: Document, here: Path, value: Any, form: str | None) -> Iterator[FileError]:
    if form is not None and (problem := _FORMATS[form](value)):
        yield document.error(here, problem)


def _host(text: str) -> str:
    """Return why text is not a host; empty if it is one."""
    if "*" in text:
        return "expects one host, without *"
    address = parsed(text)
    if text and address is not None and address.host and not _NO_HOST.search(text):
        return ""
    if address is None or not address.host or _NO_HOST.search(address.host):
        return "not a host; write one such as registry.example.com"
    return f"a host has no scheme, port or path; write {address.host}"


def _host_pattern(text: str) -> str:
    """Return why text is neither a host nor a pattern of hosts; empty if it is."""
    bare = text.removeprefix("*").removeprefix(".") if text.startswith(("*.", ".")) else text
    return "* is only allowed at the start, as in *.example.com" if "*" in bare else _host(bare)


def _regex(text: str) -> str:
    problem = pattern_problem(text)
    return problem and f"not a regular expression (RE2): {problem}"


_FORMATS: Final[Mapping[str, Callable[[str], str]]] = {
    "host-pattern": _host_pattern,
    "hostname": _host,
    "regex": _regex,
}
"""Checks of each format: they return why a text does not fit, or an empty text."""
