"""Parameters of rules: their descriptions, and which are not set."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

Type = Literal["string", "integer", "number", "boolean", "array", "object"]
_EMPTY: Final[tuple[Any, ...]] = ("", [], {})
"""Values of a parameter that count as not set; 0 and false are values."""
_WORDS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
}
FORMATS: Final = {
    "host-pattern": "a host, or *.example.com for every host below example.com",
    "hostname": "a host",
    "regex": "a regular expression (RE2)",
}
"""The values of `format`, in words."""


class ValueSchema(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"
):
    """What a value may be, in a subset of JSON Schema."""

    description: str = ""
    type: Type | None = None
    """None: the type of the parameter's default; for an item, any type."""
    enum: list[str | int] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    pattern: str | None = None
    """A Python regular expression that is found in the text."""
    format: Literal["host-pattern", "hostname", "regex"] | None = None


class ParameterSchema(
    ValueSchema, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"
):
    """A described parameter. A value with a `default` is a description; any other is itself the default."""

    default: Any
    items: ValueSchema | None = None
    """The schema of each item of a list."""
    examples: list[Any] = []


def expected(schema: ValueSchema) -> str:
    """Return what a value may be, in words: `a list; each item is one of github, ecr`."""
    if schema.enum is not None:
        return f"one of {', '.join(map(str, schema.enum))}"
    words = FORMATS[schema.format] if schema.format else _WORDS.get(schema.type or "", "anything")
    if schema.pattern is not None:
        words += f" that matches {schema.pattern}"
    if schema.minimum is not None or schema.maximum is not None:
        words += f", {_bounds(schema.minimum, schema.maximum)}"
    items = schema.items if isinstance(schema, ParameterSchema) else None
    return f"{words}; each item is {items.description or expected(items)}" if items is not None else words


def allowed(schema: ParameterSchema) -> str:
    """Return what a parameter may be, with an example: `a list; each item is a host; for example ["example.com"]`."""
    example = f"; for example {json.dumps(schema.examples[0], ensure_ascii=False)}" if schema.examples else ""
    return f"{expected(schema)}{example}"


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if maximum is None:
        return f"at least {minimum:g}"
    return f"at most {maximum:g}" if minimum is None else f"from {minimum:g} to {maximum:g}"


def unset(requires: Sequence[str], params: Mapping[str, Any]) -> list[str]:
    """Return the required parameters that are empty; if there is one, the rule is not configured."""
    return [name for name in requires if params.get(name) in _EMPTY]


def to_set(names: Sequence[str]) -> str:
    """Return what to do: `set params.allowed`."""
    return f"set {' and '.join(f'params.{name}' for name in names)}"
