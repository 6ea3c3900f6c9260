"""The commands about rules: list, lint, test, schema, explain."""

import json

import click

from northflank_audit.mistakes import LISTINGS, counted
from northflank_audit.options import policy_options, waivers_option
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


@rules_group.command("lint")
@_PATHS
@policy_options
@waivers_option
@click.option("--format", "listing", type=click.Choice(list(LISTINGS)), default="text", help="How to list them.")
@click.option("--strict", is_flag=True, help="Exit with 1 on a warning, too.")
def lint_rules(
    paths: tuple[str, ...],
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
    waivers: str | None,
    listing: str,
    *,
    strict: bool,
) -> None:
    """Check rule files, examples, config and waivers; exit 1 when there is a mistake.

    Warnings say what is well-formed and probably not meant, such as a rule that can never fire.
    """
    from northflank_audit.selection import lint  # noqa: PLC0415 - the group's help does not pay for it

    del rule, skip_rule  # a mistake in a rule that is left out is one all the same
    found, count = lint((*paths, *rules), waivers, config)
    shown = LISTINGS[listing](found)
    if shown:
        click.echo(shown)
    if listing == "text":
        click.echo(counted(found, count))
    if (strict and found) or any(not each.warning for each in found):
        raise click.exceptions.Exit(1)


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
    from northflank_audit.policy.rules import select  # noqa: PLC0415 - as above
    from northflank_audit.selection import read_rules  # noqa: PLC0415 - as above

    del config  # examples test the rules as they are written, not as a config file tunes them
    book = read_rules((*paths, *rules))
    if book.mistakes:
        click.echo(LISTINGS["text"](book.mistakes))
        raise click.exceptions.Exit(1)
    selected = select(book.checked(), rule, skip_rule)
    outcomes = list(run(selected))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        name = outcome.example.name or f"example {outcome.number}"
        click.echo(
            f"{outcome.rule.origin}: {outcome.rule.id}: {name}: expected {outcome.example.expect}, got {outcome.got}"
        )
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

    from northflank_audit.policy.rulefile import RuleFile  # noqa: PLC0415 - as above

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
