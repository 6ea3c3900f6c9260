"""The command `rules lint`."""

import datetime as dt

import click

from northflank_audit.cli.diagnostics import LISTINGS, counted
from northflank_audit.cli.options import policy_options
from northflank_audit.cli.remark_options import annotations_option, waiver_options
from northflank_audit.cli.rule_paths import PATHS, lint_paths
from northflank_audit.config.policy_lint import lint
from northflank_audit.config.remark_reading import LongestWaiver
from northflank_audit.documents.yaml_document import Document
from northflank_audit.printing import say


@click.command("lint")
@PATHS
@policy_options
@waiver_options
@annotations_option
@click.option("--format", "listing", type=click.Choice(list(LISTINGS)), default="text", help="Output format.")
@click.option("--strict", is_flag=True, help="Also exit with 1 on a warning.")
def lint_rules(
    paths: tuple[str, ...],
    config: Document | None,
    rules: tuple[str, ...],
    rule: tuple[str, ...],
    skip_rule: tuple[str, ...],
    waivers: str | None,
    max_waiver_days: int,
    annotations: str | None,
    listing: str,
    *,
    strict: bool,
) -> None:
    """Check rule files, examples, config, waivers and annotations; exit 1 when there is a mistake.

    Warnings say what is well-formed and probably not meant, such as a rule that can never fire.
    """
    del rule, skip_rule  # mistakes count even in rules that do not run
    files = lint_paths(paths, rules)
    longest = LongestWaiver(dt.datetime.now(dt.UTC).date(), max_waiver_days)
    others = rules if files == paths != () else None
    diagnostics, count = lint(files, others, waivers, config, annotations=annotations, longest=longest)
    listing_text = LISTINGS[listing](diagnostics)
    if listing_text:
        say(listing_text, json=listing == "json", commands=listing == "github")
    if listing == "text":
        say(counted(diagnostics, count))
    if (strict and diagnostics) or any(not each.warning for each in diagnostics):
        raise click.exceptions.Exit(1)
