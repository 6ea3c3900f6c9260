"""When people are notified of a report."""

from typing import Literal

from msgspec import UNSET

from northflank_audit.report import Report

When = Literal["always", "violations", "changes"]


def is_due(when: str, report: Report) -> bool:
    """Return whether to notify people of a report; `when` is a `When`.

    An incomplete audit always notifies, and so does `changes` without a comparison, since changes are then unknown. A
    change is a violation that is new, resolved or unsettled, or a waiver that began or ended.
    """
    if when == "always" or not report.run.complete:
        return True
    if when == "violations":
        return report.summary.fail > 0
    comparison = report.comparison
    if comparison is UNSET or comparison.refused is not None:
        return True
    return comparison.new + comparison.resolved + comparison.unsettled + comparison.waived + comparison.unwaived > 0
