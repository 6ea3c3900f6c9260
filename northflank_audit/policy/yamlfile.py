"""YAML text into checked structs, each mistake with its file, line and column.

PyYAML's safe C loader composes the nodes, whose positions are kept; msgspec checks the values. Scalars are
those of JSON: a date stays text, so that an example in a rule file holds what the API would have given.
"""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
import yaml

from northflank_audit.errors import FileError

T = TypeVar("T")

MAX_NODES = 200_000
"""More values than this, aliases followed, are taken for an alias bomb."""
MAX_DEPTH = 50


class _Loader(yaml.CSafeLoader):
    """The safe loader, without timestamps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}

_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_WORDS = {"object": "a map", "array": "a list", "str": "text", "int": "a whole number", "bool": "true or false"}
_TYPE = re.compile(r"`(object|array|str|int|bool)( \| null)?`")
_MISSING_FIELD = re.compile(r"Object missing required field `(?P<key>.*)`")
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<key>.*)`")


class Document:
    """One YAML document: its plain value, and where in the file each part of it stands."""

    def __init__(self, text: str, path: str) -> None:
        """Read `text`; `path` is for messages. Raises FileError for anything that is not plain, safe YAML."""
        self.path = path
        self._text = text
        self._marks: dict[tuple[str | int, ...], yaml.Mark] = {}
        self._keys: dict[tuple[str | int, ...], yaml.Mark] = {}
        self._styles: dict[tuple[str | int, ...], str | None] = {}
        self._nodes = 0
        self._start = yaml.Mark(path, 0, 0, 0, None, 0)
        try:
            loader = _Loader(text)
            try:
                node = loader.get_single_node()
                self.value = None if node is None else self._plain(loader, node, ())
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark or self._start
            raise self._at(mark, f"not valid YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise self._at(self._start, f"not valid YAML: {str(error).splitlines()[0]}") from None
        except RecursionError:
            raise self._at(self._start, "nested too deeply") from None

    def _at(self, mark: yaml.Mark, problem: str) -> FileError:
        return FileError(self.path, mark.line + 1, mark.column + 1, problem)

    def _plain(self, loader: _Loader, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise self._at(node.start_mark, "too many values or too deeply nested (an alias that repeats itself?)")
        self._marks[path] = node.start_mark
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            raise self._at(node.start_mark, f"the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(loader, item, (*path, index)) for index, item in enumerate(node.value)]
        self._styles[path] = getattr(node, "style", None)
        try:
            value = loader.construct_object(node)
        except ValueError as error:
            raise self._at(node.start_mark, f"not a value: {error}") from None
        if not (value is None or isinstance(value, str | int | float | bool)):
            raise self._at(node.start_mark, f"{node.tag.rpartition(':')[2]} is not a value that JSON has")
        return value

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        loader.flatten_mapping(node)  # "<<: *defaults"
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise self._at(key_node.start_mark, "a key must be plain text")
            if key in value and (*path, key) in self._keys:
                first = self._keys[*path, key]
                if first.index != key_node.start_mark.index and node.start_mark.index < first.index:
                    raise self._at(
                        key_node.start_mark, f"the key '{key}' is here twice, first in line {first.line + 1}"
                    )
            self._keys[*path, key] = key_node.start_mark
            value[key] = self._plain(loader, value_node, (*path, key))
        return value

    def error(self, path: tuple[str | int, ...], problem: str, *, key: bool = False) -> FileError:
        """Return an error that points at the value under `path`, or at its key, or the nearest that is there."""
        marks = self._keys if key else self._marks
        while path and path not in marks:
            path, marks = path[:-1], self._marks
        return self._at(marks.get(path, self._start), problem)

    def line(self, path: tuple[str | int, ...]) -> int:
        """Return the line, from 1, on which the value under `path` begins."""
        return self._marks.get(path, self._start).line + 1

    def inside(self, path: tuple[str | int, ...], line: int, column: int, problem: str) -> FileError:
        """Return an error that points into a text value: at its `line` and `column`, both from 1.

        Exact where the text stands in the file as it is (plain, quoted without escapes, `|` blocks);
        for other text the error points at its beginning.
        """
        mark, style = self._marks.get(path, self._start), self._styles.get(path)
        if style in ("|", ">"):
            lines = self._text.split("\n")
            first = mark.line + 1
            indented = [text for text in lines[first:] if text.strip()]
            indent = len(indented[0]) - len(indented[0].lstrip(" ")) if indented else 0
            if style == "|" or first + 1 == len(lines) or line > 1:
                return FileError(self.path, first + line, indent + column, problem)
            return FileError(self.path, *_unfold(lines, first, indent, column), problem)
        if line > 1:
            return self._at(mark, problem)
        quote = 1 if style in ("'", '"') else 0
        return FileError(self.path, mark.line + 1, mark.column + quote + column, problem)

    def convert(self, path: tuple[str | int, ...], kind: type[T]) -> T:
        """Check the value under `path` against a struct's types and return it. Raises FileError."""
        value: Any = self.value
        for step in path:
            value = value[step]
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._explained(path, str(error)) from None

    def _explained(self, path: tuple[str | int, ...], message: str) -> FileError:
        found = _PLACE.match(message)
        problem = found["problem"] if found else message
        where = (*path, *_steps((found and found["path"]) or ""))
        unknown = _UNKNOWN_FIELD.match(problem)
        if unknown:
            return self.error((*where, unknown["key"]), f"unknown key '{unknown['key']}'", key=True)
        missing = _MISSING_FIELD.match(problem)
        if missing:
            return self.error(where, f"the key '{missing['key']}' is missing")
        problem = _TYPE.sub(lambda kind: _WORDS[kind[1]], problem).replace("`", "'")
        return self.error(where, problem[:1].lower() + problem[1:])


def _steps(path: str) -> Iterator[str | int]:
    for step in _STEP.finditer(path):
        if step["key"] is not None:
            yield step["key"]
        elif step["index"] is not None:
            yield int(step["index"])


def _unfold(lines: list[str], first: int, indent: int, column: int) -> tuple[int, int]:
    """Return line and column of a folded text's column, where each line break became one blank."""
    for number, text in enumerate(lines[first:], first + 1):
        length = len(text) - indent
        if column <= length + 1:
            return number, indent + column
        column -= length + 1
    return first + 1, indent + 1
