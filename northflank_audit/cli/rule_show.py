"""The command `rules show`."""

import click

from northflank_audit.cli.completion import complete_rules
from northflank_audit.cli.options import policy_options
from northflank_audit.config.policy import book_with
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import StartError
from northflank_audit.policy.rules.rulebook import absent
from northflank_audit.printing import say


@click.command("show")
@click.argument("rule_id", metavar="ID", shell_complete=complete_rules)
@policy_options
def show_rule(
    rule_id: str, config: Document | None, rules: tuple[str, ...], rule: tuple[str, ...], skip_rule: tuple[str, ...]
) -> None:
    """Print a rule's YAML as it is in its file.

    The output is a rule file, with comments, from which to start your own. Overrides are not applied: `rules explain`
    shows a rule as it would run. A bundled rule need not be selected.
    """
    del rule, skip_rule  # a rule that does not run can be shown
    book, pack = book_with(rule_id, rules, config)
    if pack:
        say(f"{rule_id} is not among the selected rules; it is in {pack}", err=True)
    if rule_id not in book.definitions:
        raise StartError(absent(book, rule_id) or f"the rule '{rule_id}' has mistakes; see: rules lint")
    definition = book.definitions[rule_id]
    say(f"rules:\n{definition.document.item(definition.here)}")
