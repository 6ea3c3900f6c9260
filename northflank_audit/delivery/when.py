"""When people are told of a report."""

from typing import Literal

from msgspec import UNSET

from northflank_audit.report import Report

When = Literal["always", "violations", "changes"]


def is_due(when: str, report: Report) -> bool:
    """Tell whether people want to be told of a report; `when` is a `When`.

    An incomplete audit is always told. Without a comparison nobody can say that nothing has changed, so that is told
    too. What changes is a violation that is new, resolved or not known any more, or a waiver that came or ended.
    """
    if when == "always" or not report.run.complete:
        return True
    if when == "violations":
        return report.summary.fail > 0
    comparison = report.comparison
    if comparison is UNSET or comparison.refused is not None:
        return True
    return comparison.new + comparison.resolved + comparison.unsettled + comparison.waived + comparison.unwaived > 0
