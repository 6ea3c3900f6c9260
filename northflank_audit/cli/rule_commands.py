"""The commands about rules: list, lint, test, schema, explain."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from northflank_audit.cli.diagnostics import LISTINGS, counted
from northflank_audit.cli.option_types import Option
from northflank_audit.cli.options import (
    details_option,
    from_command_line,
    policy_options,
    request_options,
    source_options,
    waivers_option,
)
from northflank_audit.cli.schemas import SCHEMAS
from northflank_audit.config.policy import chosen, is_test, read_rules, read_tested, requested, unread
from northflank_audit.config.settings import settings_from
from northflank_audit.delivery import files
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FetchError, StartError, did_you_mean, in_order
from northflank_audit.formats.text import plural
from northflank_audit.model import Rule
from northflank_audit.parameters import to_set
from northflank_audit.policy.rules.rulebook import select
from northflank_audit.printable import printable
from northflank_audit.printing import say

if TYPE_CHECKING:
    from northflank_audit.policy.rules.rulebook import Rulebook


@click.group("rules")
def rules_group() -> None:
    """List, check, test and explain rules."""


_PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...")


@rules_group.command("list")
@policy_options
@click.option("--format", "form", type=click.Choice(["table", "json", "md"]), default="table", help="Output format.")
@click.option("--json", "form", flag_value="json", help="Same as --format json.")
def list_rules(
    config: Document | None, rules: tuple[str, ...], rule: tuple[str, ...], skip_rule: tuple[str, ...], form: str
) -> None:
    """List the selected rules, as they would run."""
    book = read_rules(rules, config)
    say(_LISTS[form](chosen(book, rule, skip_rule)), json=form == "json")
    for item in requested(book, rule, skip_rule):
        if item.unset:
            say(f"not configured: {item.id}: {to_set(item.unset)}", err=True)
    _warn_of_unread(book)


def _warn_of_unread(book: "Rulebook") -> None:

    for warning in unread(book):
        say(f"warning: {printable(warning)}", err=True)


def _table(selected: Sequence[Rule]) -> str:
    from northflank_audit.formats.ruletext import plain  # noqa: PLC0415 - imports markdown-it

    width = max(len(item.id) for item in selected)
    return "\n".join(f"{item.id:<{width}}  {item.severity:<8}  {plain(item.title)}" for item in selected)


def _json(selected: Sequence[Rule]) -> str:
    return msgspec.json.format(msgspec.json.encode(selected), indent=2).decode()


def _markdown(selected: Sequence[Rule]) -> str:
    from northflank_audit.formats.markdowntext import code  # noqa: PLC0415 - imports markupsafe
    from northflank_audit.formats.ruletext import markdown  # noqa: PLC0415 - imports markdown-it

    rows = [f"| {code(item.id)} | {item.severity} | {item.resource} | {markdown(item.title)} |" for item in selected]
    return "\n".join(["| rule | severity | about | what it asks |", "| --- | --- | --- | --- |", *rows])


_LISTS: Final[dict[str, Callable[[Sequence[Rule]], str]]] = {"table": _table, "json": _json, "md": _markdown}


def _meant(paths: tuple[str, ...], rules: tuple[str, ...]) -> tuple[str, ...]:
    """Return which files are meant: those named here, or where no rules are, those of the config file."""
    named = [path for path in paths if not is_test(Path(path))]
    return paths if named and not from_command_line(click.get_current_context(), "rules") else (*paths, *rules)


@rules_group.command("lint")
@_PATHS
@policy_options
@waivers_option
@click.option("--format", "listing", type=click.Choice(list(LISTINGS)), default="text", help="Output format.")
@click.option("--strict", is_flag=True, help="Also exit with 1 on a warning.")
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
    from northflank_audit.config.policy import lint  # noqa: PLC0415 - the group's help does not pay for it

    del rule, skip_rule  # a mistake in a rule that is left out is one all the same
    meant = _meant(paths, rules)
    found, count = lint(meant, rules if meant == paths != () else None, waivers, config)
    shown = LISTINGS[listing](found)
    if shown:
        say(shown, json=listing == "json", commands=listing == "github")
    if listing == "text":
        say(counted(found, count))
    if (strict and found) or any(not each.warning for each in found):
        raise click.exceptions.Exit(1)


@rules_group.command("test")
@_PATHS
@policy_options
@click.option("--junit", cls=Option, metavar="FILE", help="Also write the outcome as JUnit XML.")
@click.option("--coverage", is_flag=True, help="List the verdicts and mutants that no example covers.")
@click.option("--strict", is_flag=True, help="With --coverage, exit with 1 on any gap.")
def test_rules(
    paths: tuple[str, ...],
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
    junit: str | None,
    *,
    coverage: bool,
    strict: bool,
) -> None:
    """Run the examples of rules; exit 1 when one fails.

    They are those inside the rules, and those of NAME.test.yaml files beside them or named here.
    """
    from northflank_audit.cli import rule_tests  # noqa: PLC0415 - the group's help does not pay for it
    from northflank_audit.policy.rules.examples import run  # noqa: PLC0415 - as above

    book = read_tested(_meant(paths, rules))  # as they are written, not as a config file tunes them
    book.mistakes.extend(config.mistakes if config else ())
    if book.mistakes:
        say(LISTINGS["text"](in_order(book.mistakes)))
        raise click.exceptions.Exit(1)
    _warn_of_unread(book)
    selected = select(book.checked(), rule, skip_rule)
    outcomes = list(run(selected))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        say("\n".join(rule_tests.failure(outcome)))
    untested = [item.id for item in selected if not item.tests]
    if untested:
        say(f"without an example: {', '.join(untested)}")
    left = list(rule_tests.coverage(book, selected)) if coverage and not failed else []
    for each in left:
        say(each.shown)
    if junit:
        files.write(junit, rule_tests.junit(outcomes))
    say(f"{plural(len(outcomes) - len(failed), 'example')} passed, {len(failed)} failed")
    if coverage and not failed:
        say(f"{plural(len(left), 'thing')} left open by the examples" if left else "nothing is left open")
    if failed or (strict and left):
        raise click.exceptions.Exit(1)


@rules_group.command("schema")
@click.argument("kind", type=click.Choice(["rules", "tests", "waivers", "config"]), default="rules")
def print_schema(kind: str) -> None:
    """Print the JSON Schema of rule files, or of files of examples, waivers or options."""
    say(json.dumps(SCHEMAS[kind](), indent=2), json=True)


@rules_group.command("explain")
@click.argument("rule_id", metavar="ID")
@click.argument("resource_id", metavar="[RESOURCE]", required=False)
@source_options
@policy_options
@details_option
@request_options
def explain_rule(rule_id: str, resource_id: str | None, **given: Any) -> None:
    """Explain one rule; with the id of a resource, how it was evaluated for that one.

    The resource comes from the account, or from --input or --demo. For a rule about accounts its id is the team's,
    or 'account' for the token's own.
    """
    (found,) = requested(read_rules(given["rules"], given["config"]), (rule_id,), given["skip_rule"])
    if found.unset and resource_id is not None:
        raise StartError(f"the rule {rule_id} is not configured: {to_set(found.unset)} (overrides in the config file)")
    for heading, text in _told(found):
        if text:
            lines = "".join(f"\n  {printable(line)}" for line in text.strip().split("\n"))
            say(click.style(printable(heading), bold=True) + lines)
    if resource_id is not None:
        _explain_for(found, resource_id, given)
    elif given["input"] or given["demo"]:
        raise click.UsageError("name a resource, too: rules explain ID RESOURCE")


def _told(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of a rule, by headings."""
    from northflank_audit.formats.ruletext import plain  # noqa: PLC0415 - as above

    places = {name: rule.tuned.get(f"params.{name}", "default") for name in rule.params}
    params = [f"{name} = {json.dumps(value)}  ({places[name]})" for name, value in rule.params.items()]
    yield rule.id, plain(rule.title)
    yield "severity", f"{rule.severity}  ({rule.tuned.get('severity', 'default')})"
    yield "about", f"each {rule.resource}"
    yield "applies when", rule.when or "always"
    yield "requires", rule.require
    yield "parameters", "\n".join(map(printable, params)) or "none"
    yield "not configured", to_set(rule.unset) if rule.unset else ""
    yield "why", plain(rule.rationale)
    yield "what to do", plain(rule.remediation)
    yield "controls", "\n".join(f"{name}: {', '.join(ids)}" for name, ids in rule.controls.items())
    yield "references", "\n".join(rule.references)
    yield "examples", "\n".join(f"{example.expect}: {printable(example.name)}" for example in rule.tests)
    yield "defined in", f"{rule.origin}\nSHA-256 {rule.sha256}"


def _explain_for(rule: Rule, resource_id: str, given: Mapping[str, Any]) -> None:
    """Tell how a rule was evaluated for one resource. Raises AuditError where it is not to be found."""
    from northflank_audit.audit.explanation import Finder  # noqa: PLC0415 - the group's help does not pay for it
    from northflank_audit.audit.source_opening import opened  # noqa: PLC0415 - as above
    from northflank_audit.policy.expressions.trace import lines  # noqa: PLC0415 - as above

    settings = settings_from(given, click.get_current_context().get_parameter_source)
    found = False
    with opened(settings) as source:
        finder = Finder(rule, source, settings.details)
        for result, steps in finder.find(resource_id):
            found = True
            whose = f" of team {printable(result.resource.team)}" if result.resource.team else ""
            say(click.style(f"on {result.resource.type} {printable(result.resource.id or '')}{whose}", bold=True))
            say(f"  {result.status}: {printable(result.message)}")
            for name, step in steps:
                say("\n".join(f"  {line}" for line in lines(step, name)))
    for problem in source.problems:
        say(f"incomplete: {printable(problem)}", err=True)
    if not found:
        hint = did_you_mean(resource_id, finder.seen)
        problem = f"no {rule.resource} '{printable(resource_id)}' among {len(finder.seen)}{hint}"
        raise FetchError(problem) if source.problems else StartError(problem)
