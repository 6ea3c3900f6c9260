"""When people are told of a report."""

from typing import Literal

from msgspec import UNSET

from northflank_audit.report import Report

When = Literal["always", "violations", "changes"]


def wanted(when: str, report: Report) -> bool:
    """Tell whether people want to be told of a report; `when` is a `When`.

    An incomplete audit is always told. Without a comparison nobody can say that nothing has changed, so that is told
    too. What changes is a violation that is new, resolved or not known any more, or a waiver that came or ended.
    """
    if when == "always" or not report.run.complete:
        return True
    if when == "violations":
        return report.summary.fail > 0
    found = report.comparison
    if found is UNSET or found.refused is not None:
        return True
    return found.new + found.resolved + found.unsettled + found.waived + found.unwaived > 0
