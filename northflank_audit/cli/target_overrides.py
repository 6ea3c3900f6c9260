"""A target's overrides of rules, with their places in the fleet file."""

import json
from collections.abc import Hashable
from typing import Any, Final

from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError

KEY: Final = "overrides"


class TargetOverrides(Document):
    """The overrides of a target as a config file that has nothing else.

    A worker gets it without the fleet file: there is no mistake in it by then.
    """

    def __init__(self, fleet: Document, above: Path) -> None:
        """`above` is where the target stands in the fleet file."""
        value = {KEY: fleet.at((*above, KEY))}
        super().__init__(json.dumps(value), fleet.path, strict=False)
        self._fleet: Document | None = fleet
        self._above = above
        places = [(KEY,), *_places((KEY,), value[KEY])]
        self._lines = {place: fleet.line((*above, *place)) for place in places}

    @property
    def identity(self) -> Hashable:
        """What overrides that say the same in the same lines have in common."""
        return self.path, self._text, tuple(self._lines.values())

    def line(self, path: Path) -> int:
        """Return the line in the fleet file."""
        return self._lines.get(path, 1)

    def error(self, path: Path, problem: str, *, key: bool = False, warning: bool = False) -> FileError:
        """Return an error that points into the fleet file."""
        if self._fleet is None:
            return super().error(path, problem, key=key, warning=warning)
        return self._fleet.error((*self._above, *path), problem, key=key, warning=warning)

    def inside(self, path: Path, index: int, width: int, problem: str, *, warning: bool = False) -> FileError:
        """Return an error that points into a text in the fleet file."""
        if self._fleet is None:
            return super().inside(path, index, width, problem, warning=warning)
        return self._fleet.inside((*self._above, *path), index, width, problem, warning=warning)

    def __getstate__(self) -> dict[str, Any]:
        """Return what travels to a worker."""
        return {**self.__dict__, "_fleet": None}


def _places(above: Path, value: Any) -> list[Path]:
    """Return the places of all values below one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*above, key), *_places((*above, key), item)]]
