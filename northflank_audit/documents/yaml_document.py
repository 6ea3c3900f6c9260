"""Reads YAML text into plain values, with the position of each.

PyYAML's safe C loader composes the nodes, whose positions are kept. Scalars are those of JSON: a date stays text, so
that an example in a rule file holds what the API would have returned.
"""

import re
from bisect import bisect_left
from collections.abc import Hashable, Iterable
from functools import cached_property
from itertools import chain
from typing import Any

import yaml

from northflank_audit.documents.positions import offset
from northflank_audit.errors import FileError, FileErrors, did_you_mean
from northflank_audit.printable import excerpt, spelt

MAX_NODES = 200_000
"""More values than this, aliases followed, count as an alias bomb."""
MAX_DEPTH = 50

_SENSITIVE = r"(?i)(\b(?:pas|pw|secret|token)[\w-]*[\"']?\s*:\s*|://)([^\s…].*?)(?=(?: …)?$)"
"""A key that may be a password's, misspelt or not, or an address that may contain one; and the rest of the line."""

_ANCHOR = re.compile(r"&[\w-]")
"""What every anchor begins with, and little else."""

Path = tuple[str | int, ...]
"""Where a value is in its document: `("rules", 0, "id")`."""


def _is_outside(line: str, column: int) -> bool:
    """Return whether a line after an item is not part of it: it is empty, or a comment before `column`."""
    return not line.strip() or (line.lstrip().startswith("#") and line.find("#") < column)


class _Unbounded(Exception):
    """A document that would become too large or too deep."""

    def __init__(self, node: yaml.Node) -> None:
        self.index: int = node.start_mark.index
        """Where its part begins that does."""


class _Loader(yaml.CSafeLoader):
    """The safe loader, without timestamps. It composes no more than `most` nodes, and none deeper than `MAX_DEPTH`."""

    def __init__(self, text: str, most: int) -> None:
        super().__init__(text)
        self._left = most
        self._depth = 0

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:  # noqa: ARG002 - PyYAML's
        """Count a node that PyYAML is about to compose, by a recursion in C that no limit of Python's ends."""
        self._left -= 1
        self._depth += 1
        if current_node is not None and (self._left < 0 or self._depth > MAX_DEPTH):
            raise _Unbounded(current_node)

    def ascend_resolver(self) -> None:
        """Count that PyYAML has composed a node."""
        self._depth -= 1


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}

_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_TEXT = "tag:yaml.org,2002:str"


class Document:
    """One YAML document: its plain value, and where in the file each part of it stands."""

    def __init__(
        self, text: str, path: str, *, strict: bool = True, discreet: bool = False, most: int | None = None
    ) -> None:
        """Read `text`, whatever its line ends; `path` is for messages.

        With `discreet`, messages quote nothing after the position of a mistake or after a key that may be a password's,
        because it may be a secret. `most` is how many values it may have, `MAX_NODES` by default. What is not plain,
        safe YAML is reported in `diagnostics` and omitted from the value; with `strict` it raises FileErrors.
        """
        self.path = spelt(path)
        self._discreet = discreet
        self.value: Any = None
        self.diagnostics: list[FileError] = []
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        self._text = text
        self._nodes: dict[Path, yaml.Node] = {}
        self._keys: dict[Path, yaml.Node] = {}
        self._own: dict[int, set[int]] = {}
        self.refused: set[Path] = set()
        """Paths whose value could not be taken from the file; a mistake reports each."""
        try:
            most = MAX_NODES if most is None else most
            loader = _Loader(text, most)
            try:
                node = loader.get_single_node()
                if node is not None:
                    if _ANCHOR.search(text):  # only by aliases does a document become larger than it is written
                        _count(node, {}, most)
                    self.value = self._plain(loader, node, ())
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            self.diagnostics.append(self._broken(error))
        except yaml.reader.ReaderError as error:
            self.diagnostics.append(self._at(error.position, f"not valid YAML: {str(error).splitlines()[0]}"))
        except yaml.YAMLError as error:
            self.diagnostics.append(self._at(0, f"not valid YAML: {str(error).splitlines()[0]}"))
        except UnicodeEncodeError as error:
            self.diagnostics.append(self._at(error.start, "not valid YAML: half of a surrogate pair"))
        except _Unbounded as error:
            problem = "too many values or too deeply nested (an alias that repeats itself?)"
            self.diagnostics.append(self._at(error.index, problem))
        except RecursionError:
            self.diagnostics.append(self._at(0, "nested too deeply"))
        if strict and self.diagnostics:
            raise FileErrors(self.diagnostics)

    def _plain(self, loader: _Loader, node: yaml.Node, path: Path) -> Any:
        self._nodes[path] = node
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            return self._refuse(node, path, f"the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(loader, item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            value = node.value if node.tag == _TEXT else loader.construct_object(node)
        except (ValueError, yaml.constructor.ConstructorError) as error:
            hint = " (a value that begins with ! must be quoted)" if node.tag.startswith("!") else ""
            problem = getattr(error, "problem", None) or str(error).partition(";")[0]  # then advice for programmers
            return self._refuse(node, path, f"not a value: {problem}{hint}")
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return self._refuse(node, path, f"{node.tag.rpartition(':')[2]} is not a value that JSON has")

    def _refuse(self, node: yaml.Node, path: Path, problem: str) -> None:
        self.diagnostics.append(self._of(node, problem))
        self.refused.add(path)

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        own = self._own.setdefault(id(node), {id(key) for key, _ in node.value})
        loader.flatten_mapping(node)  # "<<: *defaults": merged pairs come first, so that the map's own win
        value: dict[str, Any] = {}
        here: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                self.diagnostics.append(self._of(key_node, "a key must be plain text"))
                continue
            first = here.get(key)
            if first is not None and id(first) in own:
                line, _ = self._place(first.start_mark.index)
                self.diagnostics.append(self._of(key_node, f"duplicate key '{key}', first in line {line}"))
                continue
            here[key] = self._keys[*path, key] = key_node
            value[key] = self._plain(loader, value_node, (*path, key))
        return value

    @property
    def identity(self) -> Hashable:
        """What documents that say the same at the same place have in common."""
        return self.path, self._text

    def at(self, path: Path) -> Any:
        """Return the value under `path`, which must exist."""
        value: Any = self.value
        for step in path:
            value = value[step]
        return value

    def node(self, path: Path) -> yaml.Node | None:
        """Return the node of the value under `path`; its marks count in the text without CR and BOM."""
        return self._nodes.get(path)

    def error(self, path: Path, problem: str, *, key: bool = False, warning: bool = False) -> FileError:
        """Return an error that points at the value under `path`, or at its key, or at the nearest existing parent."""
        nodes = self._keys if key else self._nodes
        while path and path not in nodes:
            path, nodes = path[:-1], self._nodes
        node = nodes.get(path)
        return self._at(0, problem, warning=warning) if node is None else self._of(node, problem, warning=warning)

    def unknown_key(self, path: Path, keys: Iterable[str]) -> FileError:
        """Return an error that points at an unknown key, and suggests the nearest known one."""
        names, key = list(keys), str(path[-1])
        hint = did_you_mean(key, names) or f"; choose from {', '.join(names)}"
        return self.error(path, f"unknown key '{key}'{hint}", key=True)

    def line(self, path: Path) -> int:
        """Return the line, from 1, on which the value under `path` begins."""
        node = self._nodes.get(path)
        return self._place(node.start_mark.index)[0] if node else 1

    def item(self, path: Path) -> str:
        """Return the lines of the list item under `path` as they are in the file, with the comments about it."""
        node = self._nodes[path]
        lines, first = self._text.split("\n"), node.start_mark.line
        dash = re.match(r"( *)- +", lines[first])
        if dash is None or dash.end() != node.start_mark.column:  # a list in brackets
            return f"  - {self._text[node.start_mark.index : node.end_mark.index]}"
        column = len(dash[1])
        last = node.end_mark.line + bool(getattr(node, "flow_style", False))
        if not self._text[node.end_mark.index :].strip():
            last = len(lines)
        while last > first + 1 and _is_outside(lines[last - 1], column + 1):
            last -= 1
        while first and lines[first - 1].startswith(f"{dash[1]}#"):
            first -= 1
        return "\n".join(lines[first:last])

    def inside(self, path: Path, index: int, width: int, problem: str, *, warning: bool = False) -> FileError:
        """Return an error that points into a text value, at its character `index` (from 0), `width` characters wide."""
        node = self._nodes[path]
        start, style = node.start_mark.index, getattr(node, "style", None)
        written = self._text[start : node.end_mark.index]
        first = offset(written, style, node.value, index)
        last = offset(written, style, node.value, max(index, index + width - 1))
        return self._at(start + first, problem, last + 1 - first, warning=warning)

    def _broken(self, error: yaml.MarkedYAMLError) -> FileError:
        """Return libyaml's message, with what to do if that is clear."""
        problem, mark = str(error.problem or error.context), error.problem_mark or error.context_mark
        index = mark.index if mark else 0
        if "cannot start any token" in problem:
            tab = self._text.startswith("\t", index)
            hint = "YAML indents with spaces, not tabs" if tab else "a value that begins with it must be quoted"
            problem += f" ({hint})"
        elif problem == "but found another document":
            problem = "a file has one document, and '---' begins another"
        elif problem == "did not find expected key":
            problem += " (a value that begins with a quote or a bracket ends with it: else quote the whole)"
        elif "mapping values are not allowed" in problem:
            problem += " (a text with ': ' in it must be quoted)"
        if (
            error.context_mark and not self._text[index:].strip()
        ):  # at the end of the file, the unclosed context says more
            problem, index = f"{error.context}: {problem}", error.context_mark.index
        index = min(index, len(self._text.rstrip()))  # skip the empty line at the end
        return self._at(index, f"not valid YAML: {problem}")

    def _of(self, node: yaml.Node, problem: str, *, warning: bool = False) -> FileError:
        start, end = node.start_mark.index, node.end_mark.index
        return self._at(start, problem, end - start if isinstance(node, yaml.ScalarNode) else 1, warning=warning)

    def _at(self, index: int, problem: str, width: int = 1, *, warning: bool = False) -> FileError:
        line, column = self._place(index)
        start = index - (column - 1)
        end = self._text.find("\n", start)
        text = self._text[start : len(self._text) if end < 0 else end]
        width = max(1, min(width, len(text) - column + 1))
        if self._discreet and len(text) > column - 1 + width:
            text = f"{text[: column - 1 + width]} …"
        if self._discreet:
            text = re.sub(_SENSITIVE, lambda found: found[1] + "•" * len(found[2]), text)
        bare = isinstance(self.value, str)  # maybe another kind of file, such as one with a token
        lines = excerpt(text, line, column, width) if text.strip() and not bare else ""
        return FileError(self.path, line, column, problem, excerpt=lines, warning=warning)

    def _place(self, index: int) -> tuple[int, int]:
        """Return line and column, from 1, of a character of the file."""
        line = bisect_left(self._line_ends, index)
        return line + 1, index - (self._line_ends[line - 1] if line else -1)

    @cached_property
    def _line_ends(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self._text)]


def _count(node: yaml.Node, sizes: dict[yaml.Node, int], most: int) -> int:
    """Return how many values a node will become, aliases followed. Raises _Unbounded for more than `most`."""
    size = sizes.get(node)
    if size is None:
        sizes[node] = most  # with itself: too many, where an alias in a node means this node
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        nodes = chain.from_iterable(parts) if isinstance(node, yaml.MappingNode) else parts
        size = sizes[node] = 1 + sum(
            1 if isinstance(each, yaml.ScalarNode) else _count(each, sizes, most) for each in nodes
        )
        if size > most:
            raise _Unbounded(node)
    return size
