"""Warnings about rules that are well-formed and probably not what is meant: above all those that can never fire."""

from collections.abc import Iterator

from northflank_audit.errors import FileError, did_you_mean
from northflank_audit.fields import FIELDS, SECRETS, below
from northflank_audit.model import Rule, Status
from northflank_audit.policy.cel import Expression
from northflank_audit.policy.checked import Read
from northflank_audit.policy.checks import impossible, located
from northflank_audit.policy.clauses import odd
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
        yield from _strange_fields(definition, key, expression)
        yield from _constant(definition, key, expression)
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


def _strange_fields(definition: Definition, key: str, expression: Expression) -> Iterator[FileError]:
    for read in expression.reads:
        if read.path[0] != "credential":
            continue
        depth, problem = _strange(read)
        if problem:
            index, width = located(expression.source, read, depth)
            here = (*definition.here, key)
            yield definition.document.inside(here, index, width, f"{key}: {problem}", warning=True)


def _strange(read: Read) -> tuple[int, str]:
    """Return how deep in a path, and why, the API does not give it; nothing where it does."""
    for depth, step in enumerate(read.path[1:], 1):
        name = ".".join(read.path[1 : depth + 1])
        field = FIELDS.get(name)
        if field is not None and (field.kind == "a map" or depth == len(read.path) - 1):
            continue
        then = "has() of it is always false" if read.tested else "what needs it is unknown for every credential"
        if name in SECRETS:
            return depth, f"'{name}' is a secret, which is dropped where it comes in: {then}"
        if field is not None:
            return depth + 1, f"'{name}' is {field.kind} and has no '{read.path[depth + 1]}': {then}"
        hint = did_you_mean(step, below(read.path[1:depth]))
        return depth, f"no generation of the API has the field '{name}'{hint}: {then}"
    return 0, ""


def _constant(definition: Definition, key: str, expression: Expression) -> Iterator[FileError]:
    """Yield a warning where an expression gives the same for every credential."""
    read = {each.path[0] for each in expression.reads}
    problem = ""
    if not read:
        problem = f"it is always {str(expression.evaluate({}) is True).lower()}"
    elif key == "require" and read <= {"params"}:
        problem = "it reads nothing of the credential, and so gives the same for each"
    if problem:
        here = (*definition.here, key)
        yield definition.document.inside(here, 0, len(expression.source), f"{key}: {problem}", warning=True)
