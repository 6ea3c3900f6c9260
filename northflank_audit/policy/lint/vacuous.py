"""Finds rules that can never fire.

This is cheap, so every audit warns of them. Checks that need an expression's text are in `clauses`.
"""

from collections.abc import Container, Iterator

from northflank_audit.errors import FileError, did_you_mean
from northflank_audit.policy.expressions.cel import Expression, compiled
from northflank_audit.policy.expressions.field_reads import FieldRead
from northflank_audit.policy.rules.rulebook import Definition, Rulebook
from northflank_audit.policy.rules.validation import located
from northflank_audit.resources import TYPES, Kind, ResourceType
from northflank_audit.resources.paths import dotted


def vacuous(book: Rulebook, rule_ids: Container[str]) -> Iterator[FileError]:
    """Yield a warning for each part of these rules that has the same result for every resource."""
    for rule_id, rule in book.rules.items():
        for key, source in (("when", rule.when), ("require", rule.require)):
            if source is not None and rule_id in rule_ids:
                yield from vacuous_parts(book.definitions[rule_id], key, compiled(source, rule.resource))


def vacuous_parts(definition: Definition, key: str, expression: Expression) -> Iterator[FileError]:
    """Yield what makes a rule's `when` or `require` the same for every resource."""
    yield from _strange_fields(definition, key, expression)
    yield from _constant(definition, key, expression)


def _strange_fields(definition: Definition, key: str, expression: Expression) -> Iterator[FileError]:
    kind = TYPES[expression.resource_type]
    for read in expression.reads:
        if read.path[0] != expression.variable:
            continue
        depth, problem = strange(read, kind)
        if problem:
            index, width = located(expression.source, read, depth)
            here = (*definition.here, key)
            yield definition.document.inside(here, index, width, f"{key}: {problem}", warning=True)


def strange(read: FieldRead, kind: ResourceType) -> tuple[int, str]:
    """Return where in a path, and why, the API does not give it for a type; None if it does."""
    for depth, step in enumerate(read.path[1:], 1):
        name = dotted(read.path[1 : depth + 1])
        field = kind.fields.get(name)
        goes_on = read.path[depth + 1 : depth + 2] not in ((), ("[]",))
        if field is not None and (field.kind is Kind.MAP or not goes_on):
            continue
        then = f"what needs it is unknown for every {kind.singular}"
        then = "has() of it is always false" if read.tested else then
        if name in kind.secrets:
            return depth, f"'{name}' is a secret, which is dropped when it is read: {then}"
        if field is not None:
            return depth + 1, f"'{name}' is {field.kind}, so it has no '{read.path[depth + 1]}': {then}"
        hint = did_you_mean(step, kind.below(read.path[1:depth]))
        return depth, f"no generation of the API has the field '{name}'{hint}: {then}"
    return 0, ""


def _constant(definition: Definition, key: str, expression: Expression) -> Iterator[FileError]:
    """Yield a warning if an expression has the same result for every resource."""
    read = {each.path[0] for each in expression.reads}
    problem = ""
    if not read:
        value = expression.evaluate({})
        problem = f"it is always {str(value).lower()}" if isinstance(value, bool) else "it always fails"
    elif key == "require" and read <= {"params"}:
        problem = f"it reads nothing of the {TYPES[expression.resource_type].singular}, so it is the same for each"
    if problem:
        here = (*definition.here, key)
        yield definition.document.inside(here, 0, len(expression.source), f"{key}: {problem}", warning=True)
