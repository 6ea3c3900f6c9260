"""The command `rules explain`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from northflank_audit.audit.explanation import Finder
from northflank_audit.audit.source_opening import opened
from northflank_audit.cli.bound_options import details_option, personal_data_option, request_options
from northflank_audit.cli.completion import complete_rules
from northflank_audit.cli.options import policy_options, source_options
from northflank_audit.config.policy import book_with, requested
from northflank_audit.config.settings import settings_from
from northflank_audit.errors import FetchError, StartError, did_you_mean
from northflank_audit.formats.ruletext import plain
from northflank_audit.formats.text import full_label
from northflank_audit.model import Rule
from northflank_audit.parameters import ParameterSchema, allowed, to_set
from northflank_audit.policy.expressions.trace_text import lines
from northflank_audit.policy.selection import Selection
from northflank_audit.printable import printable
from northflank_audit.printing import say


@click.command("explain")
@click.argument("rule_id", metavar="ID", shell_complete=complete_rules)
@click.argument("resource_id", metavar="[RESOURCE]", required=False)
@source_options
@policy_options
@details_option
@personal_data_option
@request_options
def explain_rule(rule_id: str, resource_id: str | None, **given: Any) -> None:
    """Explain one rule; with the id of a resource, how it was evaluated for that one.

    The resource comes from the account, or from --input or --demo. For a rule about accounts its id is the team's,
    or 'account' for the token's own.
    """
    book, pack = book_with(rule_id, given["rules"], given["config"])
    (rule,) = requested(book, Selection(rule=(rule_id,), skip_rule=given["skip_rule"]))
    if rule.unset and resource_id is not None:
        raise StartError(f"the rule {rule_id} is not configured: {to_set(rule.unset)} (overrides in the config file)")
    for heading, text in _sections(rule, pack):
        if text:
            body = "".join(f"\n  {printable(line)}" for line in text.strip().split("\n"))
            say(click.style(printable(heading), bold=True) + body)
    if resource_id is not None:
        _explain_for(rule, resource_id, given)
    elif given["input"] or given["demo"]:
        raise click.UsageError("also name a resource: rules explain ID RESOURCE")


def _sections(rule: Rule, pack: str) -> Iterator[tuple[str, str]]:
    """Yield the headings about a rule, each with its lines; `pack` has it, if it is not among the selected rules."""
    places = {name: rule.overridden.get(f"params.{name}", "default") for name in rule.params}
    params = [
        "\n".join((f"{name} = {json.dumps(value)}  ({places[name]})", *_described(rule.param_schemas.get(name))))
        for name, value in rule.params.items()
    ]
    yield rule.id, plain(rule.title)
    yield "severity", f"{rule.severity}  ({rule.overridden.get('severity', 'default')})"
    yield "about", f"each {rule.resource}"
    yield "applies when", rule.when or "always"
    yield "requires", rule.require
    yield "parameters", "\n".join(params) or "none"
    yield "not selected", f"it is in {pack}" if pack else ""
    yield "not configured", to_set(rule.unset) if rule.unset else ""
    yield "why", plain(rule.rationale)
    yield "what to do", plain(rule.remediation)
    yield "controls", "\n".join(f"{name}: {', '.join(ids)}" for name, ids in rule.controls.items())
    yield "references", "\n".join(rule.references)
    yield "examples", "\n".join(f"{example.expect}: {printable(example.name)}" for example in rule.tests)
    yield "defined in", f"{rule.origin}\nSHA-256 {rule.sha256}"


def _described(schema: ParameterSchema | None) -> Iterator[str]:
    """Yield the lines about a parameter that is described."""
    if schema is not None:
        yield from (f"  {line}" for line in (plain(schema.description).strip(), f"allowed: {allowed(schema)}") if line)


def _explain_for(rule: Rule, resource_id: str, given: Mapping[str, Any]) -> None:
    """Print how a rule was evaluated for one resource. Raises AuditError if the resource is not found."""
    settings = settings_from(given, click.get_current_context().get_parameter_source)
    any_resource = False
    with opened(settings) as source:
        finder = Finder(rule, source, settings.details, show_personal=settings.show_personal_data)
        for result, steps in finder.find(resource_id):
            any_resource = True
            say(click.style(f"on {printable(full_label(result.resource))}", bold=True))
            say(f"  {result.status}: {printable(result.message)}")
            for name, step in steps:
                say("\n".join(f"  {line}" for line in lines(step, name, values=finder.shows_values)))
    for problem in source.problems:
        say(f"incomplete: {printable(problem)}", err=True)
    if not any_resource:
        hint = did_you_mean(resource_id, finder.seen)
        problem = f"no {rule.resource} '{printable(resource_id)}' among {len(finder.seen)}{hint}"
        raise FetchError(problem) if source.problems else StartError(problem)
