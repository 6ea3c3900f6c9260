"""The command `plan`: what an audit requests, permissions, number of requests."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from northflank_audit.audit.permissions import parts_of, permissions
from northflank_audit.cli.bound_options import absent_option, details_option, request_options
from northflank_audit.cli.catalogue_commands import endpoint
from northflank_audit.cli.options import policy_options, selection_options, source_options
from northflank_audit.cli.request_plan import count_lines, counted
from northflank_audit.config.policy import select_rules
from northflank_audit.config.settings import settings_from
from northflank_audit.model import OWN_ACCOUNT
from northflank_audit.policy.rule_reads import needs
from northflank_audit.policy.selection import Selection
from northflank_audit.printing import say
from northflank_audit.resources import TYPES, ResourceType, Scope
from northflank_audit.resources.base import LIST, Part

if TYPE_CHECKING:
    from northflank_audit.audit.plan import RequestPlan
    from northflank_audit.resources.needs import Needs

Json = dict[str, Any]
BEFORE: Final = "2024"
"""The generation of the older names of permissions."""
_WHERE: Final = {
    Scope.PROJECT: "in each project",
    Scope.ACCOUNT: "in each account",
    Scope.TEAM: "in each team",
    Scope.ORGANISATION: "in the organisation",
    Scope.TOKEN: "once",
    Scope.WHOLE: "",
}


@click.command("plan")
@source_options
@policy_options
@selection_options
@details_option
@absent_option
@request_options
@click.option("--count", is_flag=True, help="Read the lists, and count the requests that an audit sends.")
@click.option("--role", is_flag=True, help="Print the smallest set of permissions, one per line.")
@click.option(
    "--generation", type=click.Choice(["2026", BEFORE]), help="Names of permissions for --role.  [default: 2026]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def plan_command(
    ctx: click.Context, /, *, count: bool, role: bool, generation: str | None, as_json: bool, **given: Any
) -> None:
    """Show what an audit by the selected rules requests from the API. Sends no request, except with --count.

    With --count, the exit code is 3 if a list could not be read.
    """
    if count and role:
        raise click.UsageError("--count and --role exclude each other")
    if generation and not role:
        raise click.UsageError("--generation needs --role")
    if count:
        _count(ctx, given, as_json=as_json)
        return
    needed = needs(select_rules(given["rules"], Selection.of(given), given["config"]))
    if role:
        names = permissions(needed, all_teams=given["all_teams"], before=generation == BEFORE)
        say(json.dumps({"permissions": names}, indent=2) if as_json else "\n".join(names))
    elif as_json:
        say(json.dumps(_plan(needed, given), indent=2))
    else:
        say(_accounts(given))
        say("\n".join(_planned(needed, all_teams=given["all_teams"])))


def _count(ctx: click.Context, given: Json, *, as_json: bool) -> None:
    from northflank_audit.audit.plan import plan  # noqa: PLC0415 - imports what an audit imports

    if given["input"]:
        raise click.UsageError("--count counts requests to the API; --input sends none")
    settings = settings_from(given, ctx.get_parameter_source)
    request_plan: RequestPlan = plan(settings)
    if as_json:
        say(json.dumps({**_plan(request_plan.needs, given), **counted(request_plan)}, indent=2))
    else:
        say(_accounts(given))
        say("\n".join(count_lines(request_plan, settings.timeout)))
    ctx.exit(3 if request_plan.problems else 0)


def _accounts(given: Json) -> str:
    accounts = ["every team of the organisation"] if given["all_teams"] else list(given["team"])
    return f"accounts: {', '.join(accounts or [OWN_ACCOUNT])}"


def _how_often(needed: "Needs", kind: ResourceType, part: Part) -> str:
    if kind.within is not None:
        return f"the part {kind.within.part} of each {kind.within.parent.singular}, not asked for twice"
    if part.name == LIST:
        return "each page"
    every = part.name in kind.needed(needed.whole.get(kind.name, ()))
    return f"each {kind.singular}" if every else f"each {kind.singular} on which a rule is not settled without it"


def _plan(needed: "Needs", given: Json) -> Json:
    return {
        "accounts": {"teams": list(given["team"]), "allTeams": given["all_teams"]},
        "types": [
            {
                "type": name,
                "parts": [{**endpoint(TYPES[name], part), "rules": list(ids)} for part, ids in parts_of(needed, name)],
            }
            for name in needed.types
        ],
        "permissions": permissions(needed, all_teams=given["all_teams"]),
    }


def _planned(needed: "Needs", *, all_teams: bool) -> Iterator[str]:
    for name in needed.types:
        kind = TYPES[name]
        where = f"in each {kind.within.parent.singular}" if kind.within else _WHERE[kind.scope]
        yield ""
        yield click.style(name, bold=True) + f"  {where}"
        for part, ids in parts_of(needed, name):
            yield f"  GET {kind.base}{part.path}  ({part.name}: {_how_often(needed, kind, part)})"
            yield f"      needs {part.permission}"
            yield f"      for {', '.join(ids)}"
    yield ""
    yield "permissions:"
    yield from (f"  {each}" for each in permissions(needed, all_teams=all_teams))
