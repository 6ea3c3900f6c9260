"""The command `rules show`."""

import click

from northflank_audit.cli.completion import complete_rules
from northflank_audit.cli.options import policy_options
from northflank_audit.config.policy import PACK, read_rules
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.policy.rules.rulebook import absent
from northflank_audit.printing import say

EVERYTHING = f"{PACK}everything"


@click.command("show")
@click.argument("rule_id", metavar="ID", shell_complete=complete_rules)
@policy_options
def show_rule(
    rule_id: str, config: Document | None, rules: tuple[str, ...], rule: tuple[str, ...], skip_rule: tuple[str, ...]
) -> None:
    """Print a rule's YAML as it is in its file.

    The output is a rule file, with comments, from which to start your own. Overrides are not applied: `rules explain`
    shows a rule as it would run.
    """
    del rule, skip_rule  # a rule that does not run can be shown
    books = [read_rules(rules, config)]
    if rule_id not in books[0].definitions:
        books.append(read_rules([EVERYTHING]))
    for book in books:
        if rule_id in book.definitions:
            definition = book.definitions[rule_id]
            say(f"rules:\n{definition.document.item(definition.here)}")
            return
    raise StartError(absent(books[-1], rule_id) or f"the rule '{rule_id}' has mistakes; see: rules lint")
