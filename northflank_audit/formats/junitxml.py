"""Writes JUnit XML as CI systems read it.

No official schema exists. The output is valid by Jenkins' schema (junit-10.xsd of its xunit plugin), and GitLab reads
it; only `file` is GitLab's own.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple
from xml.etree import ElementTree as ET

from northflank_audit.printable import printable


class Case(NamedTuple):
    """A test. Its `text` keeps its lines; all other values are on one line."""

    name: str
    classname: str
    ended: Literal["passed", "failure", "error", "skipped"] = "passed"
    type: str = ""
    """Of a failure or error."""
    message: str = ""
    text: str = ""
    """Of a case that passed, what it printed."""
    file: str = ""
    seconds: float = 0
    """Its duration, which is always written: without it, readers show NaN."""


class Suite(NamedTuple):
    """Tests that belong together."""

    name: str
    cases: Sequence[Case]
    timestamp: str | None = None
    """ISO 8601, UTC, to the second and without a zone."""


def document(name: str, suites: Sequence[Suite]) -> str:
    """Return suites as JUnit XML."""
    root = ET.Element(
        "testsuites", {"name": printable(name), **_counted([case for each in suites for case in each.cases])}
    )
    for suite in suites:
        skipped = str(sum(case.ended == "skipped" for case in suite.cases))
        counts = {**_counted(suite.cases), "skipped": skipped}
        element = ET.SubElement(root, "testsuite", {"name": printable(suite.name), **counts})
        if suite.timestamp is not None:
            element.set("timestamp", suite.timestamp)
        for case in suite.cases:
            _add(element, case)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode() + "\n"


def _counted(cases: Sequence[Case]) -> dict[str, str]:
    ended = [case.ended for case in cases]
    return {
        "tests": str(len(ended)),
        "failures": str(ended.count("failure")),
        "errors": str(ended.count("error")),
        "time": _time(sum(case.seconds for case in cases)),
    }


def _time(seconds: float) -> str:
    return f"{max(seconds, 0):.3f}"  # the clock may be set back during the run


def _add(suite: ET.Element, case: Case) -> None:
    names = {"name": printable(case.name), "classname": printable(case.classname)}
    element = ET.SubElement(suite, "testcase", {**names, "time": _time(case.seconds)})
    if case.file:
        element.set("file", printable(case.file))
    text = "\n".join(map(printable, case.text.split("\n")))
    if case.ended == "passed":
        if text:
            ET.SubElement(element, "system-out").text = text
        return
    outcome = ET.SubElement(element, case.ended, message=printable(case.message))
    if case.type:
        outcome.set("type", printable(case.type))
    # GitLab shows the text and not the attribute.
    outcome.text = text or printable(case.message)
