"""The command `rules list`."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import click
import msgspec

from northflank_audit.cli.options import policy_options, selection_options
from northflank_audit.cli.rule_paths import warn_of_unread
from northflank_audit.config.policy import chosen, read_rules, requested
from northflank_audit.documents.yaml_document import Document
from northflank_audit.formats.markdowntext import code
from northflank_audit.formats.ruletext import markdown, plain
from northflank_audit.model import Rule
from northflank_audit.parameters import to_set
from northflank_audit.policy.selection import Selection
from northflank_audit.printing import say


@click.command("list")
@policy_options
@selection_options
@click.option("--format", "form", type=click.Choice(["table", "json", "md"]), default="table", help="Output format.")
@click.option("--json", "form", flag_value="json", help="Same as --format json.")
def list_rules(config: Document | None, rules: tuple[str, ...], form: str, **given: Any) -> None:
    """List the selected rules, as they would run."""
    book = read_rules(rules, config)
    selection = Selection.of(given)
    say(_LISTS[form](chosen(book, selection)), json=form == "json")
    for item in requested(book, selection):
        if item.unset:
            say(f"not configured: {item.id}: {to_set(item.unset)}", err=True)
    warn_of_unread(book)


def _table(selected: Sequence[Rule]) -> str:
    width = max(len(item.id) for item in selected)
    return "\n".join(f"{item.id:<{width}}  {item.severity:<8}  {plain(item.title)}" for item in selected)


def _json(selected: Sequence[Rule]) -> str:
    return msgspec.json.format(msgspec.json.encode({"rules": selected}), indent=2).decode()


def _markdown(selected: Sequence[Rule]) -> str:
    rows = [f"| {code(item.id)} | {item.severity} | {item.resource} | {markdown(item.title)} |" for item in selected]
    return "\n".join(["| rule | severity | about | what it asks |", "| --- | --- | --- | --- |", *rows])


_LISTS: Final[dict[str, Callable[[Sequence[Rule]], str]]] = {"table": _table, "json": _json, "md": _markdown}
