"""Remembers a rule's outcomes by what it reads of a record."""

import marshal
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.batch import keys_read
from northflank_audit.policy.expressions.cel import Absent, Expression, Names, Value
from northflank_audit.policy.verdict import decided

Outcome = tuple[Expression, Value | None]
"""The expression that decides, and its result; None if the rule does not apply."""

_MOST: Final = 512
"""Outcomes that are kept for a rule; then they are forgotten."""
_LONGEST: Final = 256
"""Bytes of what a rule reads of a record for which its outcome is kept."""
_FORM: Final = 2
"""Marshal's version without references, in which equal values have equal bytes, and 1, 1.0 and true do not."""


class OutcomeMemory:
    """Evaluates a rule one record at a time; records that are equal in what the rule reads have the same outcome.

    Few records of an account differ in that, and an evaluation takes ten times as long as finding its outcome here.
    """

    def __init__(self, rule: CompiledRule, variable: str) -> None:
        """`variable` is the name of a record."""
        self.rule = rule
        self._variable = variable
        keys = keys_read(rule.expressions)
        self._keys = None if keys is None else sorted(keys)
        self._outcomes: dict[tuple[bytes, Names, bool], Outcome] = {}

    def outcome(self, record: dict[str, Any], absent: Names, variables: Mapping[str, Any]) -> Outcome:
        """Return the outcome for a record; `absent` are the fields that it may only lack because parts were not read.

        `variables` are `now`, which must be the same in every call, and `detailed`.
        """
        if self._keys is not None:
            record = {key: record[key] for key in self._keys if key in record}
        try:
            content = marshal.dumps(record, _FORM)
        except ValueError:  # nested too deeply, or not from JSON
            return self._evaluated(record, absent, variables)
        if len(content) > _LONGEST:
            return self._evaluated(record, absent, variables)
        key = (content, absent, variables["detailed"])
        outcome = self._outcomes.get(key)
        if outcome is None:
            if len(self._outcomes) >= _MOST:
                self._outcomes.clear()
            outcome = self._outcomes[key] = self._evaluated(record, absent, variables)
        return outcome

    def _evaluated(self, record: Mapping[str, Any], absent: Names, variables: Mapping[str, Any]) -> Outcome:
        inputs = {**variables, self._variable: record, "params": self.rule.rule.params}
        return decided(self.rule, partial(Expression.evaluate, variables=inputs, absent=Absent(absent)))
