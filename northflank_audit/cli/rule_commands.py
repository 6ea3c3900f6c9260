"""The group of commands about rules."""

import click

from northflank_audit.cli.lazy import Lazy, LazyGroup

_HERE = __package__
LAZY = (
    Lazy("list", f"{_HERE}.rule_list", "list_rules", "List the selected rules, as they would run."),
    Lazy(
        "lint",
        f"{_HERE}.rule_lint",
        "lint_rules",
        "Check rule files, examples, config, waivers and annotations; exit 1 when there is a mistake.",
    ),
    Lazy("test", f"{_HERE}.rule_tests", "test_rules", "Run the examples of rules; exit 1 when one fails."),
    Lazy(
        "schema",
        f"{_HERE}.schemas",
        "print_schema",
        "Print the JSON Schema of rule files, examples, waivers, annotations, options, report.json or fleet.json.",
    ),
    Lazy("show", f"{_HERE}.rule_show", "show_rule", "Print a rule's YAML as it is in its file."),
    Lazy("new", f"{_HERE}.rule_new", "new_rule", "Print a rule to start from, with examples."),
    Lazy(
        "explain",
        f"{_HERE}.rule_explanation",
        "explain_rule",
        "Explain one rule; with the id of a resource, how it was evaluated for that one.",
    ),
)


@click.group("rules", cls=LazyGroup, lazy=LAZY)
def rules_group() -> None:
    """List, check, test, show and explain rules."""
