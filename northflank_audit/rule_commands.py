"""The commands about rules: list, lint, test, schema, explain."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import click

from northflank_audit.errors import FileErrors
from northflank_audit.options import policy_options
from northflank_audit.policy.yamlfile import Document


@click.group("rules")
def rules_group() -> None:
    """List, check, test and explain rules."""


_PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...")


@rules_group.command("list")
@policy_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_rules(
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """List the selected rules."""
    import msgspec  # noqa: PLC0415 - the group's help does not pay for it

    from northflank_audit.selection import select_rules  # noqa: PLC0415 - as above

    selected = select_rules(rules, rule, skip_rule, config)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(selected), indent=2).decode())
        return
    width = max(len(item.id) for item in selected)
    for item in selected:
        click.echo(f"{item.id:<{width}}  {item.severity:<8}  {item.title}")


@contextmanager
def _mistakes_are_the_outcome() -> Iterator[None]:
    """Print the mistakes in rule files, and exit with 1: for commands that are asked to find them."""
    try:
        yield
    except FileErrors as errors:
        click.echo(str(errors))
        raise click.exceptions.Exit(1) from None


@rules_group.command("lint")
@_PATHS
@policy_options
def lint_rules(
    paths: tuple[str, ...],
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
) -> None:
    """Check rule files; exit 1 when there is a mistake."""
    from northflank_audit.selection import select_rules  # noqa: PLC0415 - the group's help does not pay for it

    with _mistakes_are_the_outcome():
        selected = select_rules((*paths, *rules), rule, skip_rule, config)
    click.echo(f"{len(selected)} rules, no mistake")


@rules_group.command("test")
@_PATHS
@policy_options
def test_rules(
    paths: tuple[str, ...],
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
) -> None:
    """Run the examples inside rules; exit 1 when one fails."""
    from northflank_audit.policy.examples import run  # noqa: PLC0415 - the group's help does not pay for it
    from northflank_audit.policy.rules import load, select  # noqa: PLC0415 - as above
    from northflank_audit.selection import read_rules  # noqa: PLC0415 - as above

    del config  # examples test the rules as they are written, not as a config file tunes them
    with _mistakes_are_the_outcome():
        selected = select(load(read_rules((*paths, *rules))), rule, skip_rule)
    outcomes = list(run(selected))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        name = outcome.example.name or f"example {outcome.number}"
        click.echo(f"{outcome.rule.origin}: {outcome.rule.id}: {name}: {outcome.difference}")
        click.echo(f"    {outcome.message}")
    untested = [item.id for item in selected if not item.tests]
    if untested:
        click.echo(f"without an example: {', '.join(untested)}")
    click.echo(f"{len(outcomes) - len(failed)} examples passed, {len(failed)} failed")
    if failed:
        raise click.exceptions.Exit(1)


@rules_group.command("schema")
def rule_schema() -> None:
    """Print the JSON Schema of rule files."""
    import msgspec  # noqa: PLC0415 - the group's help does not pay for it

    from northflank_audit.policy.rules import RuleFile  # noqa: PLC0415 - as above

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(RuleFile)}
    click.echo(json.dumps(schema, indent=2))


@rules_group.command("explain")
@click.argument("rule_id", metavar="ID")
@policy_options
def explain_rule(
    rule_id: str,
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
) -> None:
    """Explain one rule."""
    from northflank_audit.selection import select_rules  # noqa: PLC0415 - the group's help does not pay for it

    del rule
    (found,) = select_rules(rules, (rule_id,), skip_rule, config)
    parts = [
        (found.id, f"{found.title} ({found.severity})"),
        ("applies when", found.when or "always"),
        ("requires", found.require),
        (
            "parameters",
            "\n".join(f"{name} = {json.dumps(value)}" for name, value in found.params.items()) or "none",
        ),
        ("why", found.rationale),
        ("what to do", found.remediation),
        ("controls", "\n".join(f"{name}: {', '.join(ids)}" for name, ids in found.controls.items())),
        ("references", "\n".join(found.references)),
        ("examples", "\n".join(f"{example.expect}: {example.name}" for example in found.tests)),
        ("defined in", found.origin),
    ]
    for heading, text in parts:
        if text:
            click.echo(f"{click.style(heading, bold=True)}\n  " + text.strip().replace("\n", "\n  "))
