"""Warnings about rules that are well-formed and probably not what is meant: above all those that can never fire."""

from collections.abc import Iterator

from northflank_audit.errors import FileError
from northflank_audit.model import Rule, Status
from northflank_audit.policy.cel import Expression
from northflank_audit.policy.checks import impossible
from northflank_audit.policy.clauses import odd
from northflank_audit.policy.futile import futile_parts
from northflank_audit.policy.rules import Definition, Rulebook

WANTED = (Status.PASS, Status.FAIL, Status.UNKNOWN)
"""The verdicts that a rule's examples should show, as far as it can give them."""


def warnings(book: Rulebook) -> Iterator[FileError]:
    """Yield what is probably not meant in the rules of a book."""
    for rule_id, rule in book.rules.items():
        yield from of_rule(rule, book.definitions[rule_id])


def of_rule(rule: Rule, definition: Definition) -> Iterator[FileError]:
    """Yield what is probably not meant in one rule."""
    compiled = {
        key: Expression(source, rule.resource)
        for key, source in (("when", rule.when), ("require", rule.require))
        if source is not None
    }
    for key, expression in compiled.items():
        yield from futile_parts(definition, key, expression)
        for problem in odd(expression.source) if expression.reads else ():
            here = (*definition.here, key)
            yield definition.document.inside(here, problem.index, problem.width, f"{key}: {problem.text}", warning=True)
    yield from unshown(rule, definition)


def unshown(rule: Rule, definition: Definition) -> Iterator[FileError]:
    """Yield a warning where the rule can give a verdict that none of its examples shows."""
    when = Expression(rule.when, rule.resource) if rule.when else None
    require = Expression(rule.require, rule.resource)
    shown = {example.expect for example in rule.tests}
    lacking = [status for status in WANTED if status not in shown and not impossible(when, require, status)]
    if lacking:
        names = " or ".join(f"'{status}'" for status in lacking)
        here = (*definition.here, "id")
        yield definition.document.error(here, f"no example of '{rule.id}' gives {names}", warning=True)
