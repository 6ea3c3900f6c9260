"""Compiles and evaluates expressions in CEL, the Common Expression Language.

The engine is the CEL project's own (PyPI `cel-expr-python`), in which errors are values. A key that a map lacks is the
error NOT_FOUND; a variable without a value and an address that `url()` can't parse have errors of their own. These
three, and nothing else, make a verdict `unknown`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple
from weakref import finalize

import msgspec
from cel_expr_python import cel

from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.policy.expressions import environment, field_reads
from northflank_audit.policy.expressions.compile_errors import Problem, problems
from northflank_audit.policy.expressions.environment import ACCOUNT_VARIABLES, NO_ADDRESS, SHARED, one, own, variables
from northflank_audit.policy.expressions.presence import CautiousForm, Forms
from northflank_audit.policy.expressions.whole_account import whole_account
from northflank_audit.resources import TYPES

MOST_STEPS: Final = 10_000
"""The number of steps through lists at which the engine ends one evaluation."""

_BOOL: Final = cel.Type.BOOL
_RENEWED: Final = 32
"""Evaluations over one activation, which keeps what they allocate: 2 MB each with 10,000 records."""
_RUNTIME_ERROR = re.compile(r"^([A-Z_]+): (.*)$", re.DOTALL)
_NOT_GIVEN = re.compile(r'No value with name "(\w+)" found')
_NO_KEY = re.compile(r'Key not found in map : "(.*)"$', re.DOTALL)


class CelError(Exception):
    """An expression that does not compile, with every problem that the engine reported."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


class Missing(msgspec.Struct, frozen=True):
    """The expression needed a key that its data lacks, or an unknown variable."""

    reason: str
    key: str = ""
    variable: str = ""
    """One of `ACCOUNT_VARIABLES`."""


class Failed(msgspec.Struct, frozen=True):
    """The expression itself failed: a type mismatch, a division by zero, not a boolean."""

    reason: str
    exhausted: bool = False
    """Whether it reached `MOST_STEPS`."""


Value = bool | Missing | Failed
"""The result of an expression."""
Names = frozenset[str] | None
"""Names of fields; None means all."""


class Absent(NamedTuple):
    """The fields that a record may lack only because a part was not read."""

    own: Names = frozenset()
    """Of the record that the verdict is about."""
    others: Names = frozenset()
    """Of one of `resources` or of the lists of `account`, or of `account` itself."""


NOTHING_ABSENT: Final = Absent()
UNSURE: Final = "whether a field is there"
"""The missing key if no specific one is known."""


class Shared:
    """Variables that many evaluations share; converting them for CEL is most of the work, so it is reused."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = variables
        self._own = environment.Own()
        finalize(self, self._own.forget)
        self._uses = 0

    def activation(self, own: Mapping[str, Any]) -> Any:
        """Return the activation of an evaluation, with these variables of its own."""
        self._own.take(own)
        if not self._uses:
            # Not bound to this object: the engine's part of such a cycle would never be freed.
            ask = cel.Function("own", [cel.Type.STRING], False, self._own.__getitem__, cel.Type.DYN)
            self._activation = SHARED.Activation(self.variables, functions=[ask])
            self._uses = _RENEWED
        self._uses -= 1
        return self._activation


class Expression:
    """A compiled expression over a record, `params`, `now`, `detailed`, `account`, `resources` and `projects`."""

    def __init__(self, source: str, resource_type: str = RESOURCE_TYPE) -> None:
        """Compile `source`, of a rule about this type. Raises CelError, also if the result can't be a boolean."""
        self.source = source
        self.resource_type = resource_type
        self._compiled = _compile(source, resource_type)
        kind = self._compiled.return_type()
        if kind not in (cel.Type.BOOL, cel.Type.DYN):
            width = len(source.rstrip())
            raise CelError([Problem(f"must return true or false, but returns {kind.name().lower()}", 0, width)])
        self.is_boolean = kind == cel.Type.BOOL
        """Whether its result is true or false, or else an error."""
        self.serialized: bytes = self._compiled.serialize()
        if whole := whole_account(self.serialized):
            raise CelError(whole)
        self.reads_within: tuple[field_reads.FieldRead, ...] = field_reads.reads(self.serialized)
        """Every path that it reads, including those of items of lists."""
        self.reads = tuple(read for read in self.reads_within if field_reads.ITEM not in read.path)
        """The paths that it reads of the variables themselves."""
        self.account_variables = frozenset(read.path[0] for read in self.reads).intersection(ACCOUNT_VARIABLES)
        """Which of `ACCOUNT_VARIABLES` it reads."""
        self._own = own(resource_type)

    @cached_property
    def fields(self) -> tuple[tuple[str, ...], ...]:
        """The paths below its record that it reads, longest only, in order of appearance."""
        return _longest([read.path[1:] for read in self.reads if read.path[0] == self.variable])

    @cached_property
    def record_keys(self) -> frozenset[str] | None:
        """The keys of its record that it reads, on which alone its result depends; None: any of them."""
        paths = [read.path[1:] for read in self.reads_within if read.path[0] == self.variable]
        return frozenset(path[0] for path in paths) if all(paths) else None

    @property
    def variable(self) -> str:
        """The name of its record; empty if a rule has none."""
        kind = TYPES[self.resource_type]
        return kind.variable if kind.listing is not None else ""

    def asks(self, absent: Absent) -> tuple[bool, bool]:
        """Return whether it tests if one of these fields exists: in its own record, and in others."""
        if absent == NOTHING_ABSENT:
            return False, False
        ours, others = self.cautious_forms
        return ours.asks(absent.own), others.asks(absent.others)

    @property
    def cautious_forms(self) -> tuple[CautiousForm, CautiousForm]:
        """Return the fields whose existence it tests, by has(), `in` or on whole maps: in its own record, in others."""
        others = self._forms[False, True] if self.account_variables else CautiousForm(self.serialized, frozenset())
        return self._forms[True, False], others

    def evaluate(self, variables: Mapping[str, Any], absent: Absent = NOTHING_ABSENT) -> Value:
        """Return the expression's result for these variables. A test for an `absent` field is missing."""
        outcome = self._evaluated(self.asks(absent), variables)
        return self._sure(outcome, variables, absent)

    def _evaluated(self, form: tuple[bool, bool], variables: Mapping[str, Any]) -> Value:
        try:
            value = self._forms.compiled(form).eval(data=variables)
        except RuntimeError as error:
            return _failure(error)
        return bool(value.value()) if value.type() == _BOOL else _verdict(_outcome(value))

    def _sure(self, outcome: Value, variables: Mapping[str, Any], absent: Absent) -> Value:
        """Return an outcome. If one part failed and another is missing, the latter may decide, so it is missing."""
        if not isinstance(outcome, Failed) or outcome.exhausted or not any(self.asks(absent)):
            return outcome
        plain = self._evaluated((False, False), variables)
        return outcome if isinstance(plain, Failed) else Missing(UNSURE)

    def evaluate_among(self, own: Mapping[str, Any], shared: Shared, absent: Absent = NOTHING_ABSENT) -> Value:
        """Return the result for its own and shared variables: the same as for all of them together, but faster."""
        among = self._among and self._forms_among.compiled(self.asks(absent))
        if among is not None:
            try:
                outcome = _verdict(_outcome(among.eval(shared.activation(own))))
                return self._sure(outcome, {**shared.variables, **own}, absent)
            except RuntimeError as error:
                failure = _failure(error)
                if failure.exhausted:
                    return failure
        return self.evaluate({**shared.variables, **own}, absent)

    @cached_property
    def _forms(self) -> Forms:
        return Forms(self._compiled, one(self.resource_type), self.resource_type)

    @cached_property
    def _forms_among(self) -> Forms:
        return Forms(self._among, SHARED, self.resource_type)

    @cached_property
    def _among(self) -> Any:
        """The expression with its own variables read by function; None if it compiles alone but not within another."""
        source = f"{self.source}\n"  # the line break ends a comment at its end
        for name in self._own:
            source = f"cel.bind({name}, own('{name}'), {source})"
        try:
            return SHARED.compile(source)
        except RuntimeError:
            return None


@lru_cache(maxsize=1024)  # a cache that holds less than all packs have is of no use to who goes through them twice
def compiled(source: str, resource_type: str) -> Expression:
    """Return an expression, compiled once for validation, lint and the engine. Raises CelError."""
    return Expression(source, resource_type)


def pattern_problem(text: str) -> str:
    """Return why text is not a regular expression (RE2); empty if it is."""
    outcome = compiled("''.matches(params)", RESOURCE_TYPE).evaluate({"params": text})
    return outcome.reason.strip() if isinstance(outcome, Failed) else ""


def evaluate(
    source: str, variables: Mapping[str, Any], resource_type: str = RESOURCE_TYPE, absent: Absent = NOTHING_ABSENT
) -> Any:
    """Return the result of an expression of any type: a Python value, Missing or Failed. Raises CelError."""
    forms = Forms(_compile(source, resource_type), one(resource_type), resource_type)
    key = forms[True, False].asks(absent.own), forms[False, True].asks(absent.others)
    value = _evaluate(forms.compiled(key if absent != NOTHING_ABSENT else (False, False)), variables)
    return value if isinstance(value, Missing | Failed) else value.plain_value()


def evaluated(expression: Expression, part: bytes, variables: Mapping[str, Any]) -> Any:
    """Return the result of a part of an expression, as `evaluate` does."""
    compiled = one(expression.resource_type).deserialize(field_reads.alone(expression.serialized, part))
    value = _evaluate(compiled, variables)
    return value if isinstance(value, Missing | Failed) else value.plain_value()


def _compile(source: str, resource_type: str) -> Any:
    try:
        return one(resource_type).compile(source)
    except RuntimeError as error:
        raise CelError(problems(source, str(error), variables(resource_type))) from None


def _evaluate(compiled: Any, variables: Mapping[str, Any]) -> Any:
    try:
        return _outcome(compiled.eval(data=variables))
    except RuntimeError as error:
        return _failure(error)


def _outcome(value: Any) -> Any:
    """Return the engine's value, Missing or Failed."""
    if value.type() != cel.Type.ERROR:
        return value
    match = _RUNTIME_ERROR.match(str(value.value()))
    kind, reason = (match[1], match[2]) if match else ("UNKNOWN", str(value.value()))
    if kind == "NOT_FOUND":
        key = _NO_KEY.search(reason)
        return Missing(reason, key=key[1] if key else "")
    if reason == NO_ADDRESS:
        return Missing(reason)
    variable = _NOT_GIVEN.match(reason)
    return Missing(reason, variable=variable[1]) if variable and variable[1] in ACCOUNT_VARIABLES else Failed(reason)


def _failure(error: RuntimeError) -> Failed:
    """Return why the engine gave no value: too many steps, or a value that CEL can't hold, such as half a character."""
    if "Iteration budget exceeded" in str(error):
        steps = f"{MOST_STEPS:,} steps through lists"
        return Failed(f"it takes {steps} or more, which one evaluation may not", exhausted=True)
    return Failed(str(error))


def _verdict(value: Any) -> Value:
    if isinstance(value, Missing | Failed):
        return value
    if value.type() != cel.Type.BOOL:
        return Failed(f"returned {value.type().name().lower()}, not true or false")
    return bool(value.value())


def _longest(paths: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    unique = dict.fromkeys(paths)
    return tuple(path for path in unique if not any(len(o) > len(path) and o[: len(path)] == path for o in unique))


def lookup(record: Mapping[str, Any], path: Sequence[str]) -> Iterator[Any]:
    """Yield the value under `path`, if there is one."""
    value: Any = record
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return
        value = value[key]
    yield value
