"""The accounts that the emulator serves: read from a file, shaped as each generation of the API answers."""

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from northflank_audit.errors import StartError

SAMPLE: Final = Path(__file__).parent / "sample.yaml"
_TIMES = frozenset({"createdAt", "updatedAt", "lastFailureAt", "nextAttemptAt"})
_DETAIL_ONLY = ("auths",)


@dataclass(frozen=True, slots=True)
class Account:
    """The token's own account, or a team's."""

    credentials: list[dict[str, Any]]
    projects: list[dict[str, Any]] = field(default_factory=list)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Everything that one token sees."""

    own: Account
    teams: dict[str, Account] = field(default_factory=dict)
    cursors: bool = True
    """Whether lists are paged by cursor, or by page number alone."""


def listed(credential: dict[str, Any]) -> dict[str, Any]:
    """Return a credential as the list shows it.

    One with a `description` is of the 2024 generation, whose list has the restrictions; since 2026 only the
    detail has them. Neither list shows secrets.
    """
    hidden = _DETAIL_ONLY if "description" in credential else (*_DETAIL_ONLY, "restrictions")
    shown = {key: value for key, value in credential.items() if key not in hidden}
    login = shown.get("credentials")
    if isinstance(login, dict):
        shown["credentials"] = {key: login[key] for key in login if key not in ("username", "password")}
    return shown


def load(path: str | None, now: dt.datetime | None = None) -> Accounts:
    """Read accounts from JSON or YAML; without a path, the sample.

    The file maps `credentials`, `projects`, `teams` (a list, each with `id`, `name`, `credentials`, `projects`),
    `paging` (`cursor` or `page`) and `asOf`: the time at which its date-times are right. They are moved by what has
    passed since, so that a sample does not age. A saved list response serves as well. Raises StartError.
    """
    source = str(SAMPLE if path is None else path)
    value = read(source)
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    if not isinstance(value, dict) or "credentials" not in value:
        raise StartError(f"{source}: it must map 'credentials' to a list, as a response of 'List registries' does")
    if value.get("paging", "cursor") not in ("cursor", "page"):
        raise StartError(f"{source}: paging is 'cursor' or 'page'")
    if "asOf" in value:
        try:
            as_of = _time(str(value["asOf"]))
            value = _moved(value, (now or dt.datetime.now(dt.UTC)) - as_of)
        except ValueError as error:
            raise StartError(f"{source}: not a date-time ({error})") from None
    teams = {}
    for team in _items(source, "teams", value.get("teams")):
        teams[team["id"]] = _account(source, f"team {team['id']}", team)
    return Accounts(_account(source, "the account", value), teams, cursors=value.get("paging", "cursor") == "cursor")


def read(source: str) -> Any:
    """Return what a JSON or YAML file holds. Raises StartError."""
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{source}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise StartError(f"{source}: nested too deeply") from None
    except ValueError:
        import yaml  # noqa: PLC0415 - JSON needs none

    class Loader(yaml.CSafeLoader):
        """Dates stay text, as in JSON."""

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith("timestamp")]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RecursionError) as error:
        raise StartError(f"{source}: neither JSON nor YAML ({str(error).splitlines()[0]})") from None


def _account(source: str, whose: str, value: dict[str, Any]) -> Account:
    return Account(
        _items(source, f"the credentials of {whose}", value.get("credentials")),
        _items(source, f"the projects of {whose}", value.get("projects")),
        str(value.get("name", "")),
    )


def _items(source: str, what: str, items: Any) -> list[dict[str, Any]]:
    items = [] if items is None else items
    if not isinstance(items, list) or not all(isinstance(item, dict) and _is_text(item.get("id")) for item in items):
        raise StartError(f"{source}: {what} must be a list of maps, each with an 'id' that is text")
    return items


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _time(text: str) -> dt.datetime:
    time = dt.datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _moved(value: Any, by: dt.timedelta) -> Any:
    if isinstance(value, list):
        return [_moved(item, by) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _later(item, by) if key in _TIMES and isinstance(item, str) else _moved(item, by)
        for key, item in value.items()
    }


def _later(time: str, by: dt.timedelta) -> str:
    moved = _time(time) + by
    return moved.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
