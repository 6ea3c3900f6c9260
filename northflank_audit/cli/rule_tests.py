"""The command `rules test`: runs examples, and finds gaps."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import click
from msgspec.structs import replace

from northflank_audit.cli.diagnostics import LISTINGS
from northflank_audit.cli.option_types import Option
from northflank_audit.cli.options import policy_options
from northflank_audit.cli.rule_paths import PATHS, lint_paths, warn_of_unread
from northflank_audit.config.policy import read_tested
from northflank_audit.delivery import files
from northflank_audit.documents.yaml_document import Document
from northflank_audit.errors import FileError, in_order
from northflank_audit.formats.junitxml import Case, Suite, document
from northflank_audit.formats.text import plural
from northflank_audit.model import Rule
from northflank_audit.policy.explain import steps
from northflank_audit.policy.expressions.trace_text import lines as trace_lines
from northflank_audit.policy.lint.mutation import trials
from northflank_audit.policy.lint.warnings import unshown
from northflank_audit.policy.rules.examples import ExampleOutcome, as_in, example_input, run
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.policy.selection import select
from northflank_audit.printable import printable
from northflank_audit.printing import say


@click.command("test")
@PATHS
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
    book = read_tested(lint_paths(paths, rules))  # as written, without the config file's overrides
    book.diagnostics.extend(config.diagnostics if config else ())
    if book.diagnostics:
        say(LISTINGS["text"](in_order(book.diagnostics)))
        raise click.exceptions.Exit(1)
    warn_of_unread(book)
    selected = select(book.checked(), rule, skip_rule, book.packs)
    outcomes = list(run(selected))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        say("\n".join(failure(outcome)))
    untested = [item.id for item in selected if not item.tests]
    if untested:
        say(f"without an example: {', '.join(untested)}")
    open_cases = list(left_open(book, selected)) if coverage and not failed else []
    for each in open_cases:
        say(each.with_excerpt)
    if junit:
        files.write(junit, as_junit(outcomes))
    say(f"{plural(len(outcomes) - len(failed), 'example')} passed, {len(failed)} failed")
    if coverage and not failed:
        say(f"{plural(len(open_cases), 'thing')} left open by the examples" if open_cases else "nothing is left open")
    if failed or (strict and open_cases):
        raise click.exceptions.Exit(1)


def failure(outcome: ExampleOutcome) -> Iterator[str]:
    """Yield what an example expected, what came instead, and how the rule was evaluated."""
    yield f"{outcome.example.origin}: {outcome.rule.id}: {name(outcome)}: {printable(outcome.difference)}"
    if outcome.got is not outcome.example.expect:
        yield f"  - {outcome.example.expect}"
        yield f"  + {outcome.got}: {printable(outcome.message)}"
    else:
        yield f"  - {printable(outcome.example.message or '')}"
        yield f"  + {printable(outcome.message)}"
    inputs = example_input(outcome.rule, outcome.example)
    rule = as_in(outcome.rule, outcome.example)
    for key, step in steps(rule, inputs.given, outcome.example.now, inputs.account, inputs.resources):
        yield from (f"    {line}" for line in trace_lines(step, key))


def name(outcome: ExampleOutcome) -> str:
    """Return an example's name, or its number if it has none."""
    return printable(outcome.example.name) or f"example {outcome.number}"


def as_junit(outcomes: Sequence[ExampleOutcome]) -> str:
    """Return the outcomes as JUnit XML: a suite for each rule, a case for each example."""
    groups = groupby(outcomes, key=lambda outcome: outcome.rule.id)
    suites = [Suite(rule_id, [_case(outcome) for outcome in group]) for rule_id, group in groups]
    return document("northflank-audit rules test", suites)


def _case(outcome: ExampleOutcome) -> Case:
    case = Case(name(outcome), outcome.rule.id, file=outcome.example.origin.rpartition(":")[0])
    if outcome.passed:
        return case
    details = "\n".join(failure(outcome))
    return case._replace(ended="failure", type="verdict", message=outcome.difference, text=details)


def left_open(book: Rulebook, rules: Sequence[Rule]) -> Iterator[FileError]:
    """Yield, as warnings with their positions, what the examples of these rules do not cover.

    That is a verdict that no example shows, or a mutant of an expression that no example notices.
    """
    for rule in rules:
        definition = book.definitions[rule.id]
        yield from unshown(rule, definition)
        for trial in trials(rule, _all_pass(rule)) if rule.tests else ():
            if not trial.noticed:
                problem = f"{trial.key}: no example of '{rule.id}' notices it when {trial.mutant.what}"
                start, width = trial.mutant.start, trial.mutant.end - trial.mutant.start
                here = (*definition.here, trial.key)
                yield definition.document.inside(here, start, width, problem, warning=True)


def _all_pass(rule: Rule) -> Callable[[Rule], bool]:
    """Return what tells whether all examples of a rule pass with a mutant of it.

    The example that failed last is run first: it often fails with the next mutant, too.
    """
    examples = list(rule.tests)

    def passes(mutated: Rule) -> bool:
        for outcome in run([replace(mutated, tests=list(examples))]):
            if not outcome.passed:
                examples.remove(outcome.example)
                examples.insert(0, outcome.example)
                return False
        return True

    return passes
