"""How the outcome of examples is told: for people, as JUnit XML, and what the examples leave open."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from northflank_audit.errors import FileError
from northflank_audit.formats.junitxml import Case, Suite, document
from northflank_audit.model import Rule
from northflank_audit.policy.explain import steps
from northflank_audit.policy.expressions.trace import lines as trace_lines
from northflank_audit.policy.lint.mutation import trials
from northflank_audit.policy.lint.warnings import unshown
from northflank_audit.policy.rules.examples import ExampleOutcome, as_in, example_input, run
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.printable import printable


def failure(outcome: ExampleOutcome) -> Iterator[str]:
    """Yield what an example expected, what came instead, and how the rule came to it."""
    yield f"{outcome.example.origin}: {outcome.rule.id}: {name(outcome)}: {printable(outcome.difference)}"
    if outcome.got is not outcome.example.expect:
        yield f"  - {outcome.example.expect}"
        yield f"  + {outcome.got}: {printable(outcome.message)}"
    else:
        yield f"  - {printable(outcome.example.message or '')}"
        yield f"  + {printable(outcome.message)}"
    known = example_input(outcome.rule, outcome.example)
    rule = as_in(outcome.rule, outcome.example)
    for key, step in steps(rule, known.given, outcome.example.now, known.account, known.resources):
        yield from (f"    {line}" for line in trace_lines(step, key))


def name(outcome: ExampleOutcome) -> str:
    """Return an example's name, or its number where it has none."""
    return printable(outcome.example.name) or f"example {outcome.number}"


def junit(outcomes: Sequence[ExampleOutcome]) -> str:
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


def coverage(book: Rulebook, rules: Sequence[Rule]) -> Iterator[FileError]:
    """Yield, as warnings with their places, what the examples of these rules of a book leave open.

    That is a verdict that no example shows, and a mutant of an expression on which all examples get what they expect.
    """
    for rule in rules:
        definition = book.definitions[rule.id]
        yield from unshown(rule, definition)
        for trial in trials(rule, passes) if rule.tests else ():
            if not trial.noticed:
                problem = f"{trial.key}: no example of '{rule.id}' notices it when {trial.mutant.what}"
                start, width = trial.mutant.start, trial.mutant.end - trial.mutant.start
                here = (*definition.here, trial.key)
                yield definition.document.inside(here, start, width, problem, warning=True)


def passes(rule: Rule) -> bool:
    """Tell whether all examples of a rule get what they expect."""
    return all(outcome.passed for outcome in run([rule]))
